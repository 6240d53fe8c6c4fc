using System.Diagnostics;
using LlamaVid.Engine;
using LlamaVid.Media;
using LlamaVid.Model;
using LlamaVid.Model.Text;
using Microsoft.Extensions.Logging.Abstractions;

namespace LlamaVid.Tests.Engine;

/// <summary>A running engine with the embedded model in float32, and a two-second clip.</summary>
public sealed class EngineFixture : IAsyncLifetime
{
    private readonly DirectoryInfo _folder = Directory.CreateTempSubdirectory("lv");

    private MediaOpener? _media;

    public GenerationEngine Engine { get; private set; } = null!;

    public string Clip => Path.Combine(_folder.FullName, "clip.mp4");

    /// <summary>Where the engine's media keep their temporary files.</summary>
    public string Temporary => Directory.CreateDirectory(Path.Combine(_folder.FullName, "t")).FullName;

    public async ValueTask InitializeAsync()
    {
        using var ffmpeg = Process.Start("ffmpeg", ["-v", "error", "-f", "lavfi", "-i", "testsrc=duration=6:size=160x120:rate=5", "-pix_fmt", "yuv420p", Clip]);
        await ffmpeg.WaitForExitAsync();
        Engine = await StartAsync(new());
    }

    public async Task<GenerationEngine> StartAsync(EngineOptions options, TimeProvider? time = null)
    {
        _media ??= new(new() { TempDirectory = Temporary }, NullLogger<MediaOpener>.Instance);
        var model = new ModelOptions { Path = Repository.TinyModel, Dtype = ModelDtype.Float32, Device = "cpu" };
        var engine = new GenerationEngine(model, options, _media, time ?? TimeProvider.System, NullLogger<GenerationEngine>.Instance);
        await engine.StartAsync();
        return engine;
    }

    public static GenerationRequest Text(string question, int maxTokens = 16) => new()
    {
        Id = question, Turns = [new(ChatRole.User, question, [])], Sampling = new() { Temperature = 0 }, MaxTokens = maxTokens,
    };

    public GenerationRequest Video(string question, FrameSampling? sampling = null, int maxTokens = 16) => Text(question, maxTokens) with
    {
        Turns = [new(ChatRole.User, question, [0])],
        Media = [new(new MediaSource.LocalFile(Clip), MediaKind.Video, sampling ?? new())],
    };

    public async ValueTask DisposeAsync()
    {
        await Engine.DisposeAsync();
        _media?.Dispose();
        _folder.Delete(recursive: true);
    }
}

/// <summary>Reading a generation to its end.</summary>
internal static class GenerationReading
{
    /// <summary>An answer without an end, of which the first token is there.</summary>
    public static async Task<Generation> RunningAsync(this GenerationEngine engine)
    {
        var running = engine.Submit(EngineFixture.Text("Go on for ever", 4000) with { IgnoreEos = true });
        await foreach (var happened in running.Events)
            if (happened is GenerationEvent.Token)
                return running;
        throw new InvalidOperationException("it ended before its first token");
    }

    public static async Task<List<GenerationEvent>> AllAsync(this Generation generation)
    {
        await using (generation)
        {
            var events = new List<GenerationEvent>();
            await foreach (var happened in generation.Events) events.Add(happened);
            return events;
        }
    }

    public static async Task<List<int>> TokensAsync(this Generation generation) => [.. (await generation.AllAsync()).OfType<GenerationEvent.Token>().Select(token => token.Id)];

    public static async Task<Exception> FaultAsync(this Generation generation) => Assert.IsType<GenerationEvent.Failed>((await generation.AllAsync())[^1]).Error;
}
