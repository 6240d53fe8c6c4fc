using LlamaVid.Engine;
using LlamaVid.Media;
using LlamaVid.Model.Text;

namespace LlamaVid.Tests.Engine;

/// <summary>What has been computed for a video is not computed again, and never changes an answer.</summary>
[Collection(AloneCollection.Name)]
public sealed class KnownVideoTests(EngineFixture fixture) : IClassFixture<EngineFixture>, IDisposable
{
    private readonly DirectoryInfo _store = Directory.CreateTempSubdirectory("lvf");

    [Fact]
    public async Task A_second_question_about_a_video_does_not_run_the_tower()
    {
        var expected = await (await Fresh()).Submit(fixture.Video("Which colour?")).TokensAsync();
        await using var engine = await Fresh();

        var first = await engine.Submit(fixture.Video("What happens?")).AllAsync();
        var second = await engine.Submit(fixture.Video("Which colour?")).AllAsync();

        Assert.False(Media(first).WasKnown);
        Assert.True(Media(second).WasKnown);
        Assert.Equal(Media(first).Timestamps, Media(second).Timestamps);
        Assert.DoesNotContain(second, happened => happened is GenerationEvent.Progress { Stage: WorkStage.Decode });
        Assert.Equal(expected, Tokens(second));
    }

    [Fact]
    public async Task Other_frames_of_the_same_video_are_another_matter()
    {
        await using var engine = await Fresh();
        await engine.Submit(fixture.Video("What happens?")).AllAsync();
        Assert.False(Media(await engine.Submit(fixture.Video("What happens?", new() { MaxFrames = 3 })).AllAsync()).WasKnown);
        Assert.False(Media(await engine.Submit(fixture.Video("What happens?", new() { Start = 1 })).AllAsync()).WasKnown);
    }

    [Fact]
    public async Task The_same_bytes_are_recognised_however_they_come()
    {
        await using var engine = await Fresh();
        var request = fixture.Video("What happens?");
        await engine.Submit(request).AllAsync();
        var inline = request with { Media = [request.Media[0] with { Source = new MediaSource.Inline(await File.ReadAllBytesAsync(fixture.Clip, TestContext.Current.CancellationToken)) }] };
        Assert.True(Media(await engine.Submit(inline).AllAsync()).WasKnown);
    }

    [Fact]
    public async Task Questions_asked_at_once_about_one_video_share_its_frames()
    {
        await using var engine = await Fresh();
        var all = await Task.WhenAll(Enumerable.Range(0, 4).Select(i => engine.Submit(fixture.Video($"Question {i}?")).AllAsync()));
        Assert.Equal(1, all.Count(events => !Media(events).WasKnown));
        await using var other = await Fresh();
        for (var i = 0; i < all.Length; i++) Assert.Equal(await other.Submit(fixture.Video($"Question {i}?")).TokensAsync(), Tokens(all[i]));
    }

    [Fact]
    public async Task Frames_of_a_known_video_are_read_many_at_a_time_however_few_came_at_a_time()
    {
        FrameSampling all = new() { FramesPerSecond = 5 };
        await using var slow = await fixture.StartAsync(new() { MaxFramesPerStep = 1 });
        var expected = await slow.Submit(fixture.Video("Which colour?", all)).TokensAsync();
        await using var engine = await fixture.StartAsync(new() { MaxFramesPerStep = 16 });
        var first = await engine.Submit(fixture.Video("What happens?", all)).AllAsync();
        var second = await engine.Submit(fixture.Video("Which colour?", all)).AllAsync();

        Assert.False(Media(first).WasKnown);
        Assert.Equal([16, 30], second.OfType<GenerationEvent.Progress>().Where(step => step.Stage == WorkStage.Vision).Select(step => (int)step.Done));
        Assert.Equal(expected, Tokens(second));
    }

    [Fact]
    public async Task Who_shares_a_video_does_not_depend_on_who_asked_first()
    {
        var expected = await fixture.Engine.Submit(fixture.Video("Second?")).TokensAsync();
        await using var engine = await fixture.StartAsync(new() { MaxFramesPerStep = 1 });
        var first = engine.Submit(fixture.Video("First?"));
        await foreach (var happened in first.Events)
            if (happened is GenerationEvent.Progress { Stage: WorkStage.Decode })
                break;
        var second = engine.Submit(fixture.Video("Second?"));
        await foreach (var happened in second.Events)
            if (happened is GenerationEvent.Progress { Stage: WorkStage.Vision })
                break;
        await first.DisposeAsync();
        await second.DisposeAsync();

        Assert.Equal(expected, await engine.Submit(fixture.Video("Second?")).TokensAsync());
    }

    [Fact]
    public async Task A_video_is_known_after_a_restart()
    {
        List<int> expected;
        await using (var before = await Stored()) expected = await before.Submit(fixture.Video("What happens?")).TokensAsync();
        Assert.Single(_store.GetFiles("*.safetensors"));

        await using var after = await Stored();
        var events = await after.Submit(fixture.Video("What happens?")).AllAsync();

        Assert.True(Media(events).WasKnown);
        Assert.Equal(expected, Tokens(events));
        Assert.DoesNotContain(events, happened => happened is GenerationEvent.Progress { Stage: WorkStage.Decode });
    }

    [Theory]
    [InlineData("its last byte changed")]
    [InlineData("cut in the middle")]
    [InlineData("its header changed")]
    [InlineData("empty")]
    public async Task A_damaged_file_of_features_is_noticed_and_never_answered_from(string damage)
    {
        List<int> expected;
        await using (var before = await Stored()) expected = await before.Submit(fixture.Video("What happens?")).TokensAsync();
        var file = Assert.Single(_store.GetFiles("*.safetensors"));
        Damage(file.FullName, damage);

        await using (var after = await Stored())
        {
            var events = await after.Submit(fixture.Video("What happens?")).AllAsync();
            Assert.Equal(expected, Tokens(events));
            Assert.False(Media(events).WasKnown);
        }
    }

    [Fact]
    public async Task A_folder_that_takes_nothing_more_costs_the_copy_and_not_the_answer()
    {
        var expected = await fixture.Engine.Submit(fixture.Video("What happens?")).TokensAsync();
        await using var engine = await Stored();
        _store.Delete(recursive: true);
        Assert.Equal(expected, await engine.Submit(fixture.Video("What happens?")).TokensAsync());
        _store.Create();
    }

    [Fact]
    public async Task The_store_keeps_its_quota_and_lets_the_oldest_go()
    {
        await using (var engine = await fixture.StartAsync(new() { FeatureStorePath = _store.FullName, FeatureStoreMegabytes = 1 }))
            for (var frames = 1; frames <= 6; frames++) await engine.Submit(fixture.Video("What?", new() { MaxFrames = frames })).AllAsync();
        Assert.InRange(_store.GetFiles("*.safetensors").Sum(file => file.Length), 1, 1 << 20);
        Assert.Empty(_store.GetFiles("*.tmp"));
    }

    [Fact]
    public async Task The_same_prompt_again_starts_from_what_was_computed()
    {
        await using var engine = await Fresh();
        var first = await engine.Submit(fixture.Video("What happens?")).AllAsync();
        var again = await engine.Submit(fixture.Video("What happens?")).AllAsync();
        var other = await engine.Submit(fixture.Video("Which colour?")).AllAsync();

        Assert.Equal(0, Prompt(first).CachedPositions);
        Assert.Equal(Prompt(first).Positions - 1, Prompt(again).CachedPositions);
        Assert.Equal(Tokens(first), Tokens(again));
        Assert.InRange(Prompt(other).CachedPositions, 1, Prompt(other).Positions - Prompt(other).VideoTokens);      // the text before the video, not the video: another question
    }

    [Fact]
    public async Task The_next_turn_of_a_chat_starts_from_the_turns_before()
    {
        await using var engine = await Fresh();
        var request = EngineFixture.Text("Tell me something");
        var first = await engine.Submit(request).AllAsync();
        var text = string.Concat(first.OfType<GenerationEvent.Token>().Select(token => token.Text)) + ((GenerationEvent.Finished)first[^1]).Text;
        var next = request with { Turns = [.. request.Turns, new(ChatRole.Assistant, text, []), new(ChatRole.User, "And then?", [])] };

        await using var fresh = await Fresh();
        var expected = await fresh.Submit(next).TokensAsync();
        var second = await engine.Submit(next).AllAsync();

        Assert.Equal(expected, Tokens(second));
        Assert.InRange(Prompt(second).CachedPositions, Prompt(first).Positions - 2, int.MaxValue);
    }

    public void Dispose() => _store.Delete(recursive: true);

    private Task<GenerationEngine> Fresh() => fixture.StartAsync(new());

    private Task<GenerationEngine> Stored() => fixture.StartAsync(new() { FeatureStorePath = _store.FullName, FeatureCacheMegabytes = 0 });

    private static PromptReport Prompt(List<GenerationEvent> events) => events.OfType<GenerationEvent.Prepared>().Single().Prompt;

    private static MediaReport Media(List<GenerationEvent> events) => Prompt(events).Media[0];

    private static List<int> Tokens(List<GenerationEvent> events) => [.. events.OfType<GenerationEvent.Token>().Select(token => token.Id)];

    private static void Damage(string path, string how)
    {
        var bytes = File.ReadAllBytes(path);
        if (how == "its last byte changed") bytes[^1] ^= 1;
        if (how == "cut in the middle") bytes = bytes[..(bytes.Length / 2)];
        if (how == "its header changed") bytes[20] ^= 0x55;
        if (how == "empty") bytes = [];
        File.WriteAllBytes(path, bytes);
    }
}
