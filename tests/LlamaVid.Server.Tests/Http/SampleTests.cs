using System.Text.Json;
using LlamaVid.Tests;

namespace LlamaVid.Server.Tests.Http;

/// <summary>The embedded model gives true answers about the sample clips, over HTTP, as README's first example does.</summary>
public sealed class SampleTests(SampleTests.Served fixture) : IClassFixture<SampleTests.Served>
{
    public static TheoryData<string> Samples => [.. Directory.GetFiles(Repository.Path("deploy/samples"), "*.mp4").Select(path => Path.GetFileNameWithoutExtension(path)).Order(StringComparer.Ordinal)];

    [Theory]
    [MemberData(nameof(Samples))]
    public async Task Questions_about_a_sample_are_answered_right(string name)
    {
        var clip = await File.ReadAllBytesAsync(Repository.Path($"deploy/samples/{name}.mp4"), TestContext.Current.CancellationToken);
        using var questions = JsonDocument.Parse(await File.ReadAllTextAsync(Repository.Path($"deploy/samples/{name}.json"), TestContext.Current.CancellationToken));
        Assert.NotEqual(0, questions.RootElement.GetArrayLength());
        foreach (var asked in questions.RootElement.EnumerateArray())
        {
            var reply = await fixture.Server.PostAsync("/v1/ask", Clips.Form(clip, ("question", asked.GetProperty("question").GetString()!), ("temperature", "0")));
            Assert.Equal((200, asked.GetProperty("answer").GetString()), (reply.Status, reply.Json.GetProperty("answer").GetString()));
        }
    }

    /// <summary>A server with the embedded model as a newcomer starts it.</summary>
    public sealed class Served : IAsyncLifetime
    {
        public RunningServer Server { get; private set; } = null!;

        public async ValueTask InitializeAsync() => Server = await RunningServer.StartAsync("--Model:Path", Repository.Path("deploy/models/default"), "--Model:Dtype", "auto");

        public ValueTask DisposeAsync() => Server?.DisposeAsync() ?? ValueTask.CompletedTask;
    }
}
