using LlamaVid.Model;

namespace LlamaVid.Training.Evaluation.Answering;

/// <summary>What becomes of the context token of each frame.</summary>
internal enum ContextToken
{
    Kept,

    /// <summary>It is taken out: the sequence is shorter than those the model was trained on.</summary>
    Dropped,

    /// <summary>The mean of the frame's content tokens stands in its place: the sequence is as long as in training.</summary>
    Replaced,
}

/// <summary>One question, and what is changed about how its video is shown.</summary>
/// <param name="Condition">the text that the context tokens look for; the question itself unless an ablation says otherwise</param>
/// <param name="Pooling">null: as the checkpoint says</param>
/// <param name="MaxFrames">null: as many as one per second gives</param>
internal sealed record Ask(string Question, string Condition, ContextToken Context, FramePooling? Pooling, int? MaxFrames)
{
    public Ask(string question) : this(question, question, ContextToken.Kept, null, null) { }
}

/// <summary>An answer, or why there is none.</summary>
internal sealed record Reply(string Text, string? Fault = null)
{
    public static Reply None(string fault) => new("", fault);
}

/// <summary>Who answers: a checkpoint in this process, or a server that speaks OpenAI's API. Called for several videos at once.</summary>
internal interface IAnswerer : IDisposable
{
    /// <returns>one reply per question, in their order</returns>
    /// <exception cref="EvaluationFaultException">the video as a whole cannot be shown</exception>
    Task<IReadOnlyList<Reply>> AnswerAsync(string video, IReadOnlyList<Ask> asks, CancellationToken cancellationToken);
}
