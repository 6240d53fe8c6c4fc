using LlamaVid.Engine;
using LlamaVid.Model;
using TorchSharp;

namespace LlamaVid.Tests.Engine;

/// <summary>Many requests at once get the answers of each alone, whoever comes and goes beside them.</summary>
[Collection(AloneCollection.Name)]
public sealed class ManyAtOnceTests(EngineFixture fixture) : IClassFixture<EngineFixture>
{
    private const int Seed = 7;

    [Theory]
    [InlineData("cpu")]
    [InlineData("cpu,cpu")]
    [InlineData("cpu+cpu")]
    [InlineData("cpu+cpu+cpu,cpu+cpu+cpu")]
    public async Task Random_mixes_of_lengths_arrivals_and_departures_change_no_answer(string devices)
    {
        var random = new Random(Seed);
        var requests = Enumerable.Range(0, 24).Select(i => Request(random, i)).ToArray();
        var alone = new List<List<int>>();
        await using (var engine = await fixture.StartAsync(new() { MaxRunningSequences = 1, FeatureCacheMegabytes = 0 }))
            foreach (var request in requests) alone.Add(await engine.Submit(request).TokensAsync());

        await using var busy = await fixture.StartAsync(new() { Devices = devices, MaxFramesPerStep = 3, MaxPrefillTokensPerStep = 40 });
        var answers = requests.Select((request, i) => random.Next(4) == 0 ? LeaveAsync(busy.Submit(request), i) : busy.Submit(request).TokensAsync()).ToArray();
        for (var i = 0; i < requests.Length; i++)
        {
            var tokens = await answers[i];
            Assert.Equal(alone[i].Take(tokens.Count), tokens);
        }
        await busy.DisposeAsync();                                          // who left is gone within a step, not at once
        Assert.Empty(Directory.EnumerateFileSystemEntries(fixture.Temporary));
    }

    [Fact]
    public async Task All_are_answered_when_keys_and_values_have_room_for_one_only()
    {
        var request = fixture.Video("What happens?", maxTokens: 8);
        var expected = await fixture.Engine.Submit(request).TokensAsync();
        var positions = (await fixture.Engine.Submit(request).AllAsync()).OfType<GenerationEvent.Prepared>().Single().Prompt.Positions;

        await using var narrow = await fixture.StartAsync(new() { KvCacheTokens = positions + 10 });
        Assert.Equal(positions + 10, narrow.Card!.ContextLength);
        var answers = await Task.WhenAll(Enumerable.Range(0, 5).Select(_ => narrow.Submit(request).TokensAsync()));
        Assert.All(answers, answer => Assert.Equal(expected, answer));
    }

    [Fact]
    public async Task A_client_has_its_share_of_the_line_and_no_more()
    {
        await using var engine = await fixture.StartAsync(new() { MaxRequestsPerClient = 2 });
        var request = EngineFixture.Text("Hello", 4) with { Client = "a" };
        var (first, second) = (engine.Submit(request with { MaxTokens = 2000, IgnoreEos = true }), engine.Submit(request));

        var refused = Assert.Throws<ClientOverloadedException>(() => engine.Submit(request));
        Assert.Equal((2, 2), (refused.Requests, refused.Limit));
        Assert.Equal(4, (await engine.Submit(request with { Client = "b" }).TokensAsync()).Count);
        await second.AllAsync();
        Assert.Equal(4, (await engine.Submit(request).TokensAsync()).Count);
        await first.DisposeAsync();
    }

    [Fact]
    public async Task A_client_may_go_away_after_the_engine_has_ended()
    {
        var engine = await fixture.StartAsync(new());
        var generation = engine.Submit(EngineFixture.Text("Hello"));
        await foreach (var happened in generation.Events)
            if (happened is GenerationEvent.Finished)
                break;
        await engine.DisposeAsync();
        await generation.DisposeAsync();
        Assert.Equal(EngineState.Stopped, engine.State);
    }

    [Fact]
    public async Task A_pass_that_fails_ends_what_runs_and_the_worker_goes_on()
    {
        await using var engine = await fixture.StartAsync(new());
        var expected = await engine.Submit(fixture.Video("What happens?")).TokensAsync();
        var running = await engine.RunningAsync();
        var weight = engine.Models[0].Parameters.Single(parameter => parameter.Name == "lm_head.weight").Value;

        using (torch.no_grad())
        {
            using var kept = weight.detach().clone();
            using var wrong = torch.zeros(1, 1);
            weight.set_(wrong);
            var fault = Assert.IsType<WorkerFailedException>(await running.FaultAsync());
            Assert.Equal("cpu", fault.Device);
            weight.set_(kept);
        }

        Assert.Equal(EngineState.Ready, engine.State);
        Assert.Equal(expected, await engine.Submit(fixture.Video("What happens?")).TokensAsync());
    }

    [Fact]
    public async Task An_engine_whose_workers_fail_again_and_again_says_so_and_loses_nobody()
    {
        await using var engine = await fixture.StartAsync(new());
        using (torch.no_grad())
        {
            using var wrong = torch.zeros(1, 1);
            engine.Models[0].Parameters.Single(parameter => parameter.Name == "lm_head.weight").Value.set_(wrong);
        }

        for (var i = 0; i < 3; i++) Assert.IsType<WorkerFailedException>(await engine.Submit(EngineFixture.Text("Hello")).FaultAsync());
        await engine.Ended;
        Assert.Equal(EngineState.Stopped, engine.State);
        Assert.Throws<EngineStoppedException>(() => engine.Submit(EngineFixture.Text("Hello")));
    }

    private GenerationRequest Request(Random random, int number)
    {
        var question = $"What happens {new string('!', random.Next(30))} {number % 5}?";
        var request = random.Next(3) == 0
            ? EngineFixture.Text(question, random.Next(1, 20))
            : fixture.Video(question, new() { MaxFrames = random.Next(1, 7) }, random.Next(1, 20));
        return request with { Sampling = new() { Temperature = random.Next(2) == 0 ? 0 : 0.8, Seed = number } };
    }

    /// <returns>the tokens before the client went away</returns>
    private static async Task<List<int>> LeaveAsync(Generation generation, int after)
    {
        var tokens = new List<int>();
        await using (generation)
            await foreach (var happened in generation.Events)
            {
                if (happened is GenerationEvent.Token token) tokens.Add(token.Id);
                if (tokens.Count > after % 5) break;
            }
        return tokens;
    }
}
