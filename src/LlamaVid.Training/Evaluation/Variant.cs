using LlamaVid.Model;
using LlamaVid.Model.Weights;
using LlamaVid.Training.Evaluation.Answering;
using LlamaVid.Training.ShapesWorld;

namespace LlamaVid.Training.Evaluation;

/// <summary>One way of showing every video: as the model was trained, or with one thing changed.</summary>
internal sealed record Variant(string Name)
{
    public static readonly Variant Plain = new("plain");

    public ContextToken Context { get; init; }
    public FramePooling? Pooling { get; init; }
    public int? MaxFrames { get; init; }
    public bool ShufflesQuestions { get; init; }

    public Ask Ask(string question, string another) => new(question, ShufflesQuestions ? another : question, Context, Pooling, MaxFrames);
}

/// <summary>The paper's ablation and the frame counts, in the order of reports (docs/evaluation.md).</summary>
internal static class Ablation
{
    public const string ContextDropped = "context_dropped", ContextReplaced = "context_replaced", QuestionShuffled = "question_shuffled";
    public const string Content = "content_tokens_", Frames = "frames_";

    private static readonly (int Tokens, FramePooling Pooling)[] Poolings =
        [(1, new FramePooling.Mean()), (4, new FramePooling.Grid(2)), (16, new FramePooling.Grid(4))];
    private static readonly int[] FrameCounts = [2, 4, 8];

    /// <summary>Everything that the checkpoint allows: a tower whose patches form no 4 × 4 grid has no sixteen content tokens.</summary>
    public static IReadOnlyList<Variant> Of(LlamaVidModel model) =>
    [
        new(ContextDropped) { Context = ContextToken.Dropped },
        new(ContextReplaced) { Context = ContextToken.Replaced },
        new(QuestionShuffled) { ShufflesQuestions = true },
        .. Poolings.Where(each => Allows(model, each.Tokens, each.Pooling)).Select(each => new Variant($"{Content}{each.Tokens}") { Pooling = each.Pooling }),
        .. FrameCounts.Select(count => new Variant($"{Frames}{count}") { MaxFrames = count }),
    ];

    /// <summary>For each question the text of another, drawn from all others of the data; its own where there is no other.</summary>
    public static string[] Others(IReadOnlyList<string> questions, long seed)
    {
        var dice = new Dice("evaluation", seed, "other questions", 0);
        var hasOthers = questions.Distinct().Count() > 1;
        return [.. questions.Select(question =>
        {
            var other = question;
            while (hasOthers && other == question) other = dice.Pick(questions);
            return other;
        })];
    }

    private static bool Allows(LlamaVidModel model, int tokens, FramePooling pooling)
    {
        try
        {
            return model.TokensPerFrameWith(pooling) == 1 + tokens;
        }
        catch (CheckpointException)
        {
            return false;
        }
    }
}
