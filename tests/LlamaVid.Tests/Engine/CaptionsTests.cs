using LlamaVid.Engine;
using LlamaVid.Media;
using LlamaVid.Model.Text;

namespace LlamaVid.Tests.Engine;

/// <summary>Subtitles in a film: behind which frame each stands, and what the model then reads.</summary>
public sealed class CaptionsTests(EngineFixture fixture) : IClassFixture<EngineFixture>
{
    private static readonly double[] Seconds = [0, 1, 2, 3];

    [Fact]
    public void A_subtitle_stands_behind_the_last_frame_before_its_end() => Assert.Equal(
        ["a", "b c", "", "d e"],
        Captions.Of([new(0, 0.5, "a"), new(0.6, 1.5, "b"), new(1.5, 2, "c"), new(2.5, 3.5, "d"), new(90, 91, "e")], Seconds, end: null));

    [Fact]
    public void The_place_never_goes_back() => Assert.Equal(["", "", "a b", ""], Captions.Of([new(0, 2.5, "a"), new(0, 0.5, "b")], Seconds, null));

    [Fact]
    public void What_is_outside_of_an_excerpt_is_left_out() => Assert.Equal(["", "b"], Captions.Of([new(0, 2, "a"), new(2, 3.5, "b"), new(4, 5, "c")], [2, 3], end: 4));

    [Fact]
    public async Task A_film_is_read_with_its_subtitles_alone_and_in_company()
    {
        var film = fixture.Video("Who speaks?") with { Prompt = new() { Style = PromptStyle.Movie } };
        film = film with { Media = [film.Media[0] with { Subtitles = [new(0.2, 0.8, "Hello"), new(2.1, 3.9, "Who is there?"), new(2.2, 3.8, "Me")] }] };

        var alone = await fixture.Engine.Submit(film).AllAsync();
        var prompt = alone.OfType<GenerationEvent.Prepared>().Single().Prompt;
        Assert.Contains("<image><image>Hello<image><image><image><image><image><image>Who is there? Me<image><image><image><image>", prompt.Text, StringComparison.Ordinal);
        Assert.Equal(2, prompt.Media[0].CaptionedFrames);
        Assert.Equal(12, prompt.VideoTokens);

        var together = await Task.WhenAll(Enumerable.Range(0, 3).Select(i => fixture.Engine.Submit(film with { Choices = 1 + i }).AllAsync()));
        Assert.All(together, events => Assert.Equal(Tokens(alone), Tokens(events)));
        Assert.NotEqual(Tokens(alone), Tokens(await fixture.Engine.Submit(film with { Media = [film.Media[0] with { Subtitles = null }] }).AllAsync()));
        var estimate = await fixture.Engine.EstimateAsync(film, CancellationToken.None);
        Assert.InRange(estimate.PromptPositions!.Value, prompt.Positions - 8, prompt.Positions + 8);        // frames' times are only about known before they are decoded
    }

    [Fact]
    public async Task A_clip_has_no_place_for_them()
    {
        var clip = fixture.Video("Who speaks?");
        Assert.IsType<SubtitlesNotShownException>(await fixture.Engine.Submit(clip with { Media = [clip.Media[0] with { Subtitles = [new(0, 1, "Hello")] }] }).FaultAsync());
    }

    [Fact]
    public async Task More_words_than_the_context_holds_are_refused_before_they_are_read()
    {
        var film = fixture.Video("Who speaks?") with { Prompt = new() { Style = PromptStyle.Movie } };
        var lines = Enumerable.Range(0, 100_000).Select(i => new SubtitleLine(0, 5, new string('x', 100))).ToArray();
        Assert.Throws<ContextLengthExceededException>(() => fixture.Engine.Submit(film with { Media = [film.Media[0] with { Subtitles = lines }] }));
        var outside = film with { Media = [film.Media[0] with { Subtitles = [.. lines.Select(line => line with { Start = 100, End = 101 })], Sampling = new() { End = 50 } }] };
        Assert.Equal(16, (await fixture.Engine.Submit(outside with { IgnoreEos = true }).TokensAsync()).Count);
    }

    private static List<int> Tokens(List<GenerationEvent> events) => [.. events.OfType<GenerationEvent.Token>().Where(token => token.Choice == 0).Select(token => token.Id)];
}
