using System.Text.Json;
using LlamaVid.Model;
using LlamaVid.Model.Weights;
using LlamaVid.Tests.Model;
using LlamaVid.Training.Evaluation;
using LlamaVid.Training.Evaluation.Answering;
using static TorchSharp.torch;

namespace LlamaVid.Tests.Training.Evaluation;

/// <summary>Answers of a checkpoint in this process: those of the official code, and what each ablation changes about them.</summary>
[Collection(AloneCollection.Name)]
public sealed class LocalAnswererTests
{
    [Theory]
    [InlineData("vid_eval_a")]
    [InlineData("vid_eval_b_halfeven")]
    [InlineData("vid_eva56")]
    [InlineData("vid_grid4")]
    [InlineData("movie_from_video")]
    public async Task Answers_are_those_of_the_official_evaluation(string name)
    {
        var (checkpoint, video, question, answer) = Case(name);
        using var answerer = Answerer(checkpoint);
        Assert.Equal(answer, (await AskAsync(answerer, video, new Ask(question)))[0].Text);
    }

    [Fact]
    public async Task Questions_asked_together_get_the_answers_of_each_alone()
    {
        var (checkpoint, video, question, answer) = Case("vid_eval_a");
        using var answerer = Answerer(checkpoint);
        Ask[] asks = [new(question), new("How many objects are there?"), new(question) { MaxFrames = 1 }, new("Why?")];
        var together = await AskAsync(answerer, video, asks);
        Assert.Equal(answer, together[0].Text);
        for (var i = 0; i < asks.Length; i++) Assert.Equal((await AskAsync(answerer, video, asks[i]))[0], together[i]);
        Assert.NotEqual(together[0], together[2]);
    }

    /// <summary>The two checkpoints have the same weights and differ in compress_type only.</summary>
    [Theory]
    [InlineData("vid_grid4", 4)]
    [InlineData("vid_grid2", 2)]
    public async Task Another_pooling_gives_the_answer_of_the_checkpoint_that_has_it(string name, int side)
    {
        var (checkpoint, video, _, _) = Case(name);
        using var pooled = Answerer(checkpoint);
        using var mean = Answerer("llama-vid-7b-full-224-video-fps-1");
        var ask = new Ask("What is the dog doing?");
        Assert.Equal(await AskAsync(pooled, video, ask), await AskAsync(mean, video, ask with { Pooling = new FramePooling.Grid(side) }));
        Assert.NotEqual(await AskAsync(pooled, video, ask), await AskAsync(mean, video, ask));
    }

    [Fact]
    public void The_context_token_is_dropped_or_replaced_and_the_content_is_left_alone()
    {
        using var scope = NewDisposeScope();
        var tokens = arange(3 * 5 * 2, ScalarType.Float32).view(3, 5, 2);
        Assert.Same(tokens, LocalAnswerer.Shown(tokens, ContextToken.Kept));
        TensorAssert.Close(tokens.narrow(1, 1, 4), LocalAnswerer.Shown(tokens, ContextToken.Dropped), 0);
        var replaced = LocalAnswerer.Shown(tokens, ContextToken.Replaced);
        TensorAssert.Close(tokens.narrow(1, 1, 4), replaced.narrow(1, 1, 4), 0);
        TensorAssert.Close(tokens.narrow(1, 1, 4).mean([1L], keepdim: true), replaced.narrow(1, 0, 1), 0);
    }

    [Fact]
    public async Task Without_the_context_token_the_condition_has_no_way_into_the_answer()
    {
        var (checkpoint, video, question, _) = Case("vid_eval_a");
        using var answerer = Answerer(checkpoint);
        var kept = new Ask(question);
        Assert.NotEqual(await AskAsync(answerer, video, kept), await AskAsync(answerer, video, kept with { Condition = "Is there a boat at all?" }));
        foreach (var form in new[] { ContextToken.Dropped, ContextToken.Replaced })
        {
            var off = kept with { Context = form };
            Assert.Equal(await AskAsync(answerer, video, off), await AskAsync(answerer, video, off with { Condition = "Is there a boat at all?" }));
            Assert.NotEqual(await AskAsync(answerer, video, kept), await AskAsync(answerer, video, off));
        }
    }

    [Fact]
    public void Every_part_of_the_ablation_changes_one_thing()
    {
        var all = Ablation.Of(Models.Load(Shared.Path("goldens/work_dirs/llama-vid/llama-vid-7b-full-224-video-fps-1")));
        Assert.Equal(
            ["context_dropped", "context_replaced", "question_shuffled", "content_tokens_1", "content_tokens_4", "content_tokens_16", "frames_2",
                "frames_4", "frames_8"],
            all.Select(variant => variant.Name));
        var plain = Variant.Plain.Ask("q", "other");
        Assert.Equal(new Ask("q"), plain);
        Assert.All(all, variant => Assert.NotEqual(plain, variant.Ask("q", "other")));
        Assert.All(all, variant => Assert.Equal("q", variant.Ask("q", "other").Question));
        Assert.Equal(plain with { Condition = "other" }, all[2].Ask("q", "other"));
    }

    [Fact]
    public void A_grid_that_the_tower_does_not_have_is_refused_and_others_count_their_tokens()
    {
        var small = Models.Load(Shared.Path("goldens/work_dirs/llama-vid/llama-vid-7b-eva56"));                // 4 × 4 patches
        Assert.Equal([2, 5, 17], new FramePooling[] { new FramePooling.Mean(), new FramePooling.Grid(2),
            new FramePooling.Grid(4) }.Select(small.TokensPerFrameWith));
        Assert.Contains("it needs a square of at least 5 × 5",
            Assert.Throws<CheckpointException>(() => small.TokensPerFrameWith(new FramePooling.Grid(5))).Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Shuffled_questions_are_others_and_the_same_for_the_same_seed()
    {
        string[] questions = ["a", "b", "a", "c", "a", "b"];
        var others = Ablation.Others(questions, 1);
        Assert.All(questions.Zip(others), pair => Assert.NotEqual(pair.First, pair.Second));
        Assert.All(others, other => Assert.Contains(other, questions));
        Assert.Equal(others, Ablation.Others(questions, 1));
        Assert.Contains(Enumerable.Range(2, 20), seed => !Ablation.Others(questions, seed).SequenceEqual(others));
        Assert.Equal(["a", "a"], Ablation.Others(["a", "a"], 1));
    }

    [Fact]
    public async Task A_file_that_is_no_video_is_named()
    {
        using var data = new DataFolder().Videos("odd.mp4");
        using var answerer = Answerer("llama-vid-7b-full-224-video-fps-1");
        var fault = await Assert.ThrowsAsync<EvaluationFaultException>(() => AskAsync(answerer, data["odd.mp4"], new Ask("What?")));
        Assert.StartsWith("odd.mp4: The media content is ", fault.Message, StringComparison.Ordinal);
    }

    private static Task<IReadOnlyList<Reply>> AskAsync(LocalAnswerer answerer, string video, params Ask[] asks) =>
        answerer.AnswerAsync(video, asks, TestContext.Current.CancellationToken);

    private static LocalAnswerer Answerer(string checkpoint) => new(
        LlamaVidModel.Load(new() { Path = Shared.Path("goldens/work_dirs/llama-vid/" + checkpoint), Dtype = ModelDtype.Float32, Device = "cpu" }),
            maxTokens: 24);

    private static (string Checkpoint, string Video, string Question, string Answer) Case(string name)
    {
        using var cases = JsonDocument.Parse(File.ReadAllText(Shared.Path("goldens/http_cases.json")));
        var found = cases.RootElement.EnumerateArray().Single(each => each.GetProperty("name").GetString() == name);
        var text = found.GetProperty("messages")[0].GetProperty("content").EnumerateArray().Single(part => part.GetProperty("type").GetString() == "text");
        return (found.GetProperty("checkpoint").GetString()!, Shared.Path("goldens/" + found.GetProperty("media").GetString()),
            text.GetProperty("text").GetString()!, found.GetProperty("expected").GetProperty("text").GetString()!.Trim());
    }
}
