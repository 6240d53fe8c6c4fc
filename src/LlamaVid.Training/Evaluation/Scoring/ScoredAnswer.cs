using LlamaVid.Training.Evaluation.Answering;
using LlamaVid.Training.Evaluation.Samples;

namespace LlamaVid.Training.Evaluation.Scoring;

/// <summary>A sample with its replies and what they are worth. Without a fault there are as many replies as questions.</summary>
/// <param name="Fault">why there is no score; null where there is one</param>
internal sealed record ScoredAnswer(Sample Sample, IReadOnlyList<string> Replies, string? Fault)
{
    public IReadOnlyDictionary<string, Verdict> Verdicts { get; init; } = new Dictionary<string, Verdict>();

    public bool IsScored => Fault is null;

    public bool IsRight => Replies.All(reply => AnswerMatch.IsRight(Sample.Type, Sample.Answer, reply));

    public bool IsContained => Replies.All(reply => AnswerMatch.IsContained(Sample.Answer, reply));

    public double RightSentences => Replies.Average(reply => AnswerMatch.RightSentences(Sample.Answer, reply));

    public static ScoredAnswer Of(Sample sample, IEnumerable<Reply> replies)
    {
        var all = replies.ToArray();
        return new(sample, [.. all.Select(reply => reply.Text)], all.FirstOrDefault(reply => reply.Fault is not null)?.Fault);
    }
}
