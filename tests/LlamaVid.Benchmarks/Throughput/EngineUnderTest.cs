using System.Diagnostics;
using LlamaVid.Engine;
using LlamaVid.Media;
using LlamaVid.Model;
using LlamaVid.Model.Text;
using Microsoft.Extensions.Logging.Abstractions;

namespace LlamaVid.Benchmarks.Throughput;

/// <summary>The real engine in this process, without a server, and its answers with the times of their tokens. All times are of one clock.</summary>
internal sealed class EngineUnderTest : IAsyncDisposable
{
    private readonly Stopwatch _clock = Stopwatch.StartNew();
    private readonly MediaOpener _opener;
    private int _count;

    private EngineUnderTest(GenerationEngine engine, MediaOpener opener) => (Engine, _opener) = (engine, opener);

    public GenerationEngine Engine { get; }

    public double Now => _clock.Elapsed.TotalMilliseconds;

    public static async Task<EngineUnderTest> StartAsync(ModelOptions model)
    {
        var opener = new MediaOpener(new(), NullLogger.Instance);
        var engine = new GenerationEngine(model, new(), opener, TimeProvider.System, NullLogger<GenerationEngine>.Instance);
        await engine.StartAsync();
        return new(engine, opener);
    }

    /// <summary>A greedy request that goes on to its last token. Its system text keeps prompts from beginning alike.</summary>
    public GenerationRequest Text(string system, string question, int tokens) => new()
    {
        Id = $"{Interlocked.Increment(ref _count)}", Turns = [new(ChatRole.User, question, [])], Prompt = new() { System = system },
        Sampling = new() { Temperature = 0 }, MaxTokens = tokens, IgnoreEos = true,
    };

    public GenerationRequest Video(string system, string question, int tokens, MediaSource video) => Text(system, question, tokens) with
    {
        Turns = [new(ChatRole.User, question, [0])], Media = [new(video, MediaKind.Video, new())],
    };

    /// <param name="happened">told of each event and its time, as they come</param>
    /// <exception cref="BenchmarkException">the engine did not answer</exception>
    public async Task<Answer> AskAsync(GenerationRequest request, CancellationToken cancellationToken, Action<GenerationEvent, double>? happened = null)
    {
        var begin = Now;
        var tokens = new List<double>();
        PromptReport? prompt = null;
        await using var generation = Engine.Submit(request);
        await foreach (var @event in generation.Events.WithCancellation(cancellationToken))
        {
            happened?.Invoke(@event, Now);
            switch (@event)
            {
                case GenerationEvent.Prepared prepared: prompt = prepared.Prompt; break;
                case GenerationEvent.Token: tokens.Add(Now); break;
                case GenerationEvent.Finished finished: return new(begin, tokens, prompt!, finished.Timings);
                case GenerationEvent.Failed failed: throw new BenchmarkException($"The engine failed: {failed.Error.Message}");
            }
        }
        throw new BenchmarkException("The engine's answer has no end.");
    }

    public async ValueTask DisposeAsync()
    {
        await Engine.DisposeAsync();
        _opener.Dispose();
    }
}

/// <summary>One answer.</summary>
/// <param name="Begin">when it was asked for</param>
/// <param name="Tokens">when each came</param>
internal sealed record Answer(double Begin, IReadOnlyList<double> Tokens, PromptReport Prompt, GenerationTimings Timings)
{
    public double TimeToFirstToken => Tokens[0] - Begin;
}
