using LlamaVid.Model.Text;

namespace LlamaVid.Tests.Model.Text;

public sealed class PromptBuilderTests
{
    private static readonly PromptMedia Clip = new(Frames: 3, Tokens: 6, IsVideo: true);
    private static readonly PromptMedia Picture = new(Frames: 1, Tokens: 2, IsVideo: false);
    private static readonly PromptOptions Bare = new() { System = "S" };

    private static PromptBuilder Builder => new(TextGoldens.Tiny(legacy: false));

    private static ChatTurn User(string text, params int[] media) => new(ChatRole.User, text, media);

    private static ChatTurn Assistant(string text) => new(ChatRole.Assistant, text, []);

    [Fact]
    public void Text_alone_has_no_condition_and_no_spans_of_media()
    {
        var layout = Builder.Build([User("Hello?")], [], Bare);
        Assert.Equal("S USER: Hello? ASSISTANT:", layout.Text);
        Assert.Null(layout.Condition);
        Assert.Equal(TextGoldens.Tiny(legacy: false).Encode(layout.Text), layout.FoldedIds);
        Assert.Equal(layout.FoldedIds.Count, layout.Positions);
        Assert.Equal("</s>", layout.Stop);
    }

    [Fact]
    public void Media_of_a_turn_come_first_each_on_its_own_line()
    {
        var layout = Builder.Build([User("Same?", 1, 0)], [Clip, Picture], Bare);
        Assert.Equal("S USER: <image>\n<image>\nSame? ASSISTANT:", layout.Text);
        Assert.Equal([new(1, 0, 2, 1), new PromptSpan.Media(0, 0, 6, 1)], layout.Spans.OfType<PromptSpan.Media>());
        Assert.Equal("Same?", layout.Condition);
        Assert.Equal(TextGoldens.Tiny(legacy: false).EncodeWithImages(layout.Text), layout.FoldedIds);
        Assert.Equal(layout.FoldedIds.Count - 2 + 8, layout.Positions);
    }

    [Theory]
    [InlineData(MediaPosition.AsGiven, "S USER: <image>\na ASSISTANT: b</s>USER: <image>\nc ASSISTANT: d</s>USER: e ASSISTANT:")]
    [InlineData(MediaPosition.Newest, "S USER: a ASSISTANT: b</s>USER: c ASSISTANT: d</s>USER: <image>\n<image>\ne ASSISTANT:")]
    [InlineData(MediaPosition.First, "S USER: <image>\n<image>\na ASSISTANT: b</s>USER: c ASSISTANT: d</s>USER: e ASSISTANT:")]
    public void Media_stand_where_the_position_says(MediaPosition position, string prompt)
    {
        var layout = Builder.Build([User("a", 0), Assistant("b"), User("c", 1), Assistant("d"), User("e")], [Clip, Picture], Bare with { MediaPosition = position });
        Assert.Equal(prompt, layout.Text);
        Assert.Equal([0, 1], layout.Spans.OfType<PromptSpan.Media>().Select(span => span.Index));
    }

    [Fact]
    public void The_condition_is_the_newest_or_first_question_or_a_given_text()
    {
        string? Condition(VideoCondition condition) =>
            Builder.Build([User("first\n<image>", 0), Assistant("b"), User(" newest "), Assistant("so")], [Clip], Bare with { Condition = condition }).Condition;
        Assert.Equal(" newest ", Condition(new VideoCondition.Latest()));
        Assert.Equal("first\n<image>", Condition(new VideoCondition.First()));
        Assert.Equal("own", Condition(new VideoCondition.Text("own")));
    }

    [Fact]
    public void The_letters_of_a_placeholder_in_a_text_stay_text()
    {
        var tokenizer = TextGoldens.Tiny(legacy: false);
        var layout = Builder.Build([User("what is <image>?", 0)], [Clip], Bare);
        Assert.Equal([.. tokenizer.Encode("S USER: "), -200, .. tokenizer.Encode("\nwhat is <image>? ASSISTANT:").Skip(1)], layout.FoldedIds);
        Assert.Single(layout.Spans.OfType<PromptSpan.Media>());
    }

    [Fact]
    public void A_last_assistant_turn_is_continued_without_its_separator()
    {
        Assert.Equal("S USER: a ASSISTANT: The", Builder.Build([User("a"), Assistant("The")], [], Bare).Text);
        Assert.Equal("S USER: a ASSISTANT:", Builder.Build([User("a"), Assistant("")], [], Bare).Text);
        Assert.Equal("S###Human: a###Assistant: The", Builder.Build([User("a"), Assistant("The")], [], Bare with { Conversation = ConversationKind.LlavaV0 }).Text);
    }

    [Fact]
    public void The_plain_template_asks_by_the_condition_alone()
    {
        var plain = new PromptOptions { Conversation = ConversationKind.Plain };
        var layout = Builder.Build([User("Describe it.", 0)], [Picture], plain);
        Assert.Equal("<image>", layout.Text);
        Assert.Equal([1, -200], layout.FoldedIds);
        Assert.Equal("Describe it.", layout.Condition);
        Assert.Equal("\n", layout.Stop);
        Assert.Equal("<image>A red", Builder.Build([User("Describe it.", 0), Assistant("A red")], [Picture], plain).Text);
        Assert.Equal("<image>A red ball.\n<image>", Builder.Build([User("a", 0), Assistant("A red ball."), User("b", 1)], [Picture, Picture], plain).Text);
        Assert.Equal("text\n", Builder.Build([User("text")], [], plain).Text);
    }

    [Fact]
    public void Start_and_end_marks_stand_around_media()
    {
        var tokenizer = LlamaTokenizer.Load(Shared.Path("goldens/work_dirs/llama-vid/llama-vid-7b-full-224-video-fps-1"), usesStartEnd: true);
        var builder = new PromptBuilder(tokenizer, usesStartEnd: true);
        var layout = builder.Build([User("Why?", 0)], [Picture], Bare);
        Assert.Equal("S USER: <im_start><image><im_end>\nWhy? ASSISTANT:", layout.Text);
        Assert.Equal([.. tokenizer.Encode("S USER:"), 800, -200, 801, .. tokenizer.Encode("</s>Why? ASSISTANT:").Skip(2)], layout.FoldedIds);

        var movie = builder.Build([User("Why?", 0)], [Picture], Bare with { Style = PromptStyle.Movie });
        Assert.StartsWith("S USER: <im_start>Below is a movie.", movie.Text);
        Assert.EndsWith("<image><image>Now the movie end.<im_end>\nWhy? ASSISTANT:", movie.Text);
    }

    [Theory]
    [InlineData(PromptStyle.Auto, true, true, PromptStyle.Movie)]
    [InlineData(PromptStyle.Auto, true, false, PromptStyle.Clip)]
    [InlineData(PromptStyle.Auto, false, true, PromptStyle.Clip)]
    [InlineData(PromptStyle.Clip, true, true, PromptStyle.Clip)]
    [InlineData(PromptStyle.Movie, true, false, PromptStyle.Movie)]
    public void The_style_is_as_asked_or_follows_the_checkpoint(PromptStyle asked, bool isVideo, bool scalesRope, PromptStyle expected)
    {
        var layout = new PromptBuilder(TextGoldens.Tiny(legacy: false), scalesRope: scalesRope).Build([User("a", 0)], [Clip with { IsVideo = isVideo }], Bare with { Style = asked });
        Assert.Equal(expected, Assert.Single(layout.Styles));
        Assert.Equal(expected == PromptStyle.Movie ? 6 : 1, layout.Text.Split("<image>").Length - 1);
        Assert.Equal(6, Assert.Single(layout.Spans.OfType<PromptSpan.Media>()).Count);
    }

    [Fact]
    public void Media_that_are_not_there_or_not_shown_or_not_asked_about_are_refused()
    {
        void Refused(string words, IReadOnlyList<ChatTurn> turns, params PromptMedia[] media) =>
            Assert.Contains(words, Assert.Throws<ArgumentException>(() => Builder.Build(turns, media, Bare)).Message);
        Refused("media item 1; there are 1", [User("a", 0, 1)], Clip);
        Refused("media item -1", [User("a", -1)]);
        Refused("No turn shows media item 1", [User("a", 0)], Clip, Clip);
        Refused("need a user's turn", [new ChatTurn(ChatRole.Assistant, "a", [0])], Clip);
        Refused("5 tokens do not fit 3 frames", [User("a", 0)], Clip with { Tokens = 5 });
        Refused("0 tokens", [User("a", 0)], Clip with { Tokens = 0 });
        Refused("2 captions", [User("a", 0)], Clip with { Captions = ["a", "b"] });
    }

    [Fact]
    public void A_long_movie_with_much_text_keeps_its_numbers()
    {
        var text = string.Concat(Enumerable.Repeat("How many? ", 20_000));
        var layout = new PromptBuilder(TextGoldens.Tiny(legacy: false), scalesRope: true).Build([User(text, 0)], [new PromptMedia(10_800, 21_600, IsVideo: true)], Bare);
        Assert.Equal(21_600, Assert.Single(layout.Spans.OfType<PromptSpan.Media>()).Count);
        Assert.Equal(layout.FoldedIds.Count - 1 + 21_600, layout.Positions);
    }
}
