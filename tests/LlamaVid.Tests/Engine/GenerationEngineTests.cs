using LlamaVid.Engine;
using LlamaVid.Media;
using LlamaVid.Model.Text;

namespace LlamaVid.Tests.Engine;

[Collection(AloneCollection.Name)]
public sealed class GenerationEngineTests(EngineFixture fixture) : IClassFixture<EngineFixture>
{
    private static readonly GenerationRequest Forever = EngineFixture.Text("Go on for ever", 4000) with { IgnoreEos = true };

    private readonly GenerationEngine _engine = fixture.Engine;

    [Fact]
    public async Task A_video_question_passes_every_stage_in_order()
    {
        await using var engine = await fixture.StartAsync(new());
        var events = await engine.Submit(fixture.Video("What happens?", maxTokens: 5)).AllAsync();

        var stages = events.OfType<GenerationEvent.Progress>().Select(progress => progress.Stage).Distinct();
        Assert.Equal([WorkStage.Fetch, WorkStage.Decode, WorkStage.Vision, WorkStage.Prefill], stages);
        var prompt = Assert.Single(events.OfType<GenerationEvent.Prepared>()).Prompt;
        var seen = Assert.Single(prompt.Media);
        Assert.Equal([0.0, 1, 2, 3, 4, 5], seen.Timestamps);
        Assert.Equal(12, prompt.VideoTokens);
        Assert.Equal(prompt.TokenIds.Count - 1 + 12, prompt.Positions);
        Assert.Equal(5, events.OfType<GenerationEvent.Token>().Count());
        Assert.Equal(FinishReason.Length, Assert.IsType<GenerationEvent.Finished>(events[^1]).Reason);
    }

    [Fact]
    public async Task Requests_sent_together_are_answered_as_if_alone()
    {
        GenerationRequest[] requests =
        [
            fixture.Video("What happens?"), EngineFixture.Text("Hello"), fixture.Video("Which colour?", new() { MaxFrames = 2 }), EngineFixture.Text("Why?"),
        ];
        var alone = new List<List<int>>();
        foreach (var request in requests) alone.Add(await _engine.Submit(request).TokensAsync());

        var together = await Task.WhenAll(requests.Select(request => _engine.Submit(request).TokensAsync()));

        Assert.Equal(alone, together);
    }

    [Fact]
    public async Task Chunks_of_frames_and_prompt_give_the_same_answer_as_the_whole()
    {
        await using var small = await fixture.StartAsync(new() { MaxFramesPerStep = 1, MaxPrefillTokensPerStep = 16 });
        Assert.Equal(await _engine.Submit(fixture.Video("What happens?")).TokensAsync(), await small.Submit(fixture.Video("What happens?")).TokensAsync());
    }

    [Fact]
    public async Task A_cancelled_neighbour_changes_nothing_and_leaves_nothing()
    {
        var alone = await _engine.Submit(fixture.Video("What happens?")).TokensAsync();

        var running = _engine.Submit(fixture.Video("Go on for ever", maxTokens: 4000) with { IgnoreEos = true });
        var reading = running.Events.GetAsyncEnumerator(TestContext.Current.CancellationToken);
        do await reading.MoveNextAsync(); while (reading.Current is not GenerationEvent.Token);
        var waiting = _engine.Submit(fixture.Video("Goes before it is answered"));
        var survivor = _engine.Submit(fixture.Video("What happens?")).TokensAsync();
        await waiting.DisposeAsync();
        await running.DisposeAsync();

        Assert.Equal(alone, await survivor);
        while (await reading.MoveNextAsync()) if (reading.Current is GenerationEvent.Failed) break;
        Assert.IsAssignableFrom<OperationCanceledException>(Assert.IsType<GenerationEvent.Failed>(reading.Current).Error);
        Assert.Empty(Directory.EnumerateFileSystemEntries(fixture.Temporary));
    }

    [Fact]
    public async Task A_full_line_refuses_at_once_and_keeps_what_it_has()
    {
        await using var engine = await fixture.StartAsync(new() { MaxWaitingRequests = 1, MaxRunningSequences = 1 });
        await using var running = engine.Submit(Forever);
        await foreach (var happened in running.Events)
            if (happened is GenerationEvent.Token)
                break;
        var waiting = engine.Submit(EngineFixture.Text("Hello"));

        var refused = Assert.Throws<EngineOverloadedException>(() => engine.Submit(EngineFixture.Text("One too many")));

        Assert.Equal((1, 1), (refused.Waiting, refused.Limit));
        await running.DisposeAsync();
        Assert.Equal(16, (await waiting.TokensAsync()).Count);
    }

    [Fact]
    public async Task Waiting_requests_learn_their_place()
    {
        await using var engine = await fixture.StartAsync(new() { MaxRunningSequences = 1 });
        await using var running = engine.Submit(Forever);
        await foreach (var happened in running.Events)
            if (happened is GenerationEvent.Token)
                break;
        var first = engine.Submit(EngineFixture.Text("first"));
        var second = engine.Submit(EngineFixture.Text("second"));
        await running.DisposeAsync();

        var (ofFirst, ofSecond) = (Places(await first.AllAsync()), Places(await second.AllAsync()));
        Assert.Equal([(0, 1), (0, 2)], ofFirst.Take(2));
        Assert.Equal((1, 2), ofSecond[0]);
        Assert.Single(new[] { ofFirst, ofSecond }, places => places[^1] == (0, 1));          // whoever was ready first has left, and the other moved up

        static List<(int, int)> Places(IEnumerable<GenerationEvent> events) => [.. events.OfType<GenerationEvent.Queued>().Select(place => (place.Position, place.Waiting))];
    }

    [Fact]
    public async Task A_request_that_waits_too_long_is_given_up()
    {
        await using var engine = await fixture.StartAsync(new() { QueueTimeout = TimeSpan.FromSeconds(1), MaxRunningSequences = 1 });
        await using var running = engine.Submit(Forever);
        await foreach (var happened in running.Events)
            if (happened is GenerationEvent.Token)
                break;

        Assert.IsType<QueueTimeoutException>(await engine.Submit(EngineFixture.Text("Hello")).FaultAsync());
    }

    [Fact]
    public async Task An_answer_that_takes_too_long_is_ended_and_so_is_one_that_waits_behind_it()
    {
        await using var engine = await fixture.StartAsync(new() { RequestTimeout = TimeSpan.FromSeconds(1), MaxRunningSequences = 1 });
        var faults = await Task.WhenAll(engine.Submit(Forever).FaultAsync(), engine.Submit(Forever).FaultAsync());
        Assert.All(faults, fault => Assert.IsType<RequestTimeoutException>(fault));
        Assert.Equal(4, (await engine.Submit(EngineFixture.Text("Hello", 4)).TokensAsync()).Count);
    }

    [Fact]
    public async Task What_cannot_fit_is_refused_with_the_numbers()
    {
        var fault = Assert.IsType<ContextLengthExceededException>(await _engine.Submit(EngineFixture.Text("Hello", maxTokens: 60_000)).FaultAsync());
        Assert.Equal(_engine.Card!.ContextLength, fault.Limit);
        Assert.Contains("60000 answer tokens", fault.Message);
    }

    [Fact]
    public async Task Frames_that_cannot_fit_are_refused_without_a_claim_about_the_text()
    {
        await using var engine = await fixture.StartAsync(new());
        var each = fixture.Video("What happens?", new() { FramesPerSecond = 100 }).Media[0];
        var count = engine.Card!.ContextLength / (30 * engine.Card.TokensPerFrame) + 1;
        var many = EngineFixture.Text("What happens?") with { Turns = [new(ChatRole.User, "What happens?", [.. Enumerable.Range(0, count)])], Media = [.. Enumerable.Repeat(each, count)] };

        var fault = Assert.IsType<ContextLengthExceededException>(await engine.Submit(many).FaultAsync());

        Assert.StartsWith($"This request needs {count * 30 * engine.Card.TokensPerFrame} visual + 16 answer tokens and those of its text, more than ", fault.Message);
    }

    [Fact]
    public async Task A_faulty_file_fails_its_own_request_only()
    {
        var bad = fixture.Video("What?") with { Media = [new(new MediaSource.Inline("<html>no video</html>"u8.ToArray()), MediaKind.Video, new())] };
        Assert.IsType<UnsupportedMediaException>(await _engine.Submit(bad).FaultAsync());
        Assert.Equal(16, (await _engine.Submit(fixture.Video("What happens?")).TokensAsync()).Count);
        Assert.Empty(Directory.EnumerateFileSystemEntries(fixture.Temporary));
    }

    [Fact]
    public async Task A_stop_text_ends_the_answer_before_it()
    {
        var events = await _engine.Submit(EngineFixture.Text("Hello")).AllAsync();
        var whole = string.Concat(events.OfType<GenerationEvent.Token>().Select(token => token.Text)) + ((GenerationEvent.Finished)events[^1]).Text;
        var stop = whole[(whole.Length / 2)..(whole.Length / 2 + 3)];

        events = await _engine.Submit(EngineFixture.Text("Hello") with { Stop = [stop] }).AllAsync();

        var cut = string.Concat(events.OfType<GenerationEvent.Token>().Select(token => token.Text)) + ((GenerationEvent.Finished)events[^1]).Text;
        Assert.Equal(whole[..whole.IndexOf(stop, StringComparison.Ordinal)], cut);
        Assert.Equal(FinishReason.Stop, ((GenerationEvent.Finished)events[^1]).Reason);
    }

    [Fact]
    public void A_text_that_is_too_long_beyond_doubt_is_refused_before_it_is_tokenised()
    {
        var request = EngineFixture.Text(new string('a', 50_000_000));
        var fault = Assert.Throws<ContextLengthExceededException>(() => _engine.Submit(request));
        Assert.True(fault.Needed > fault.Limit);
        Assert.DoesNotContain("visual", fault.Message);
    }

    [Fact]
    public async Task A_shutdown_that_cannot_wait_ends_the_running_request_by_name()
    {
        await using var engine = await fixture.StartAsync(new());
        var running = engine.Submit(Forever);
        var reading = running.Events.GetAsyncEnumerator(TestContext.Current.CancellationToken);
        do await reading.MoveNextAsync(); while (reading.Current is not GenerationEvent.Token);

        engine.Drain();
        Assert.Throws<EngineStoppedException>(() => engine.Submit(EngineFixture.Text("Hello")));
        engine.EndRunning();

        while (await reading.MoveNextAsync()) if (reading.Current is GenerationEvent.Failed) break;
        Assert.IsType<EngineStoppedException>(Assert.IsType<GenerationEvent.Failed>(reading.Current).Error);
    }

    [Fact]
    public async Task An_engine_that_ends_refuses_what_waits_and_finishes_what_runs()
    {
        var engine = await fixture.StartAsync(new() { MaxRunningSequences = 1 });
        var running = engine.Submit(Forever with { MaxTokens = 500 });
        var reading = running.Events.GetAsyncEnumerator(TestContext.Current.CancellationToken);
        do await reading.MoveNextAsync(); while (reading.Current is not GenerationEvent.Token);
        var waiting = engine.Submit(fixture.Video("What happens?"));
        await using var progress = waiting.Events.GetAsyncEnumerator(TestContext.Current.CancellationToken);
        do await progress.MoveNextAsync(); while (progress.Current is not GenerationEvent.Progress);

        await engine.DisposeAsync();

        while (await progress.MoveNextAsync()) if (progress.Current is GenerationEvent.Failed) break;
        Assert.IsType<EngineStoppedException>(Assert.IsType<GenerationEvent.Failed>(progress.Current).Error);
        await waiting.DisposeAsync();
        Assert.Empty(Directory.EnumerateFileSystemEntries(fixture.Temporary));
        while (await reading.MoveNextAsync()) if (reading.Current is GenerationEvent.Finished) break;
        Assert.IsType<GenerationEvent.Finished>(reading.Current);
        Assert.Throws<EngineStoppedException>(() => engine.Submit(EngineFixture.Text("Hello")));
    }
}
