using LlamaVid.Training.Evaluation.Samples;
using LlamaVid.Training.Evaluation.Scoring;

namespace LlamaVid.Training.Evaluation.Reports;

/// <summary>Accuracies of one variant. What was skipped is in no accuracy, and is counted.</summary>
/// <param name="Crowded">questions about scenes with two or three objects</param>
internal sealed record Scores(string Name, Tally Overall, IReadOnlyList<(string Type, Tally Tally)> ByType, Tally Crowded, int Skipped)
{
    public static Scores Of(string name, IEnumerable<ScoredAnswer> answers, DrawnTruth truth)
    {
        var all = answers.ToArray();
        var scored = all.Where(answer => answer.IsScored).ToArray();
        return new(
            name, Tallied(scored),
            [.. scored.GroupBy(answer => answer.Sample.Type).OrderBy(group => group.Key, StringComparer.Ordinal).Select(group => (group.Key, Tallied(group)))],
            Tallied(scored.Where(answer => truth.Objects(answer.Sample) is 2 or 3)), all.Length - scored.Length);
    }

    private static Tally Tallied(IEnumerable<ScoredAnswer> answers) => Tally.Of(answers.Select(answer => answer.IsRight));
}

/// <summary>What a judge said of all answers under one aspect.</summary>
/// <param name="Matches">null where the judge gives scores only</param>
internal sealed record Judged(string Aspect, int Count, double MeanScore, Tally? Matches);

/// <summary>Everything that an evaluation found, ready to be printed. Computes nothing but sums.</summary>
internal sealed record Report(Scores Plain, IReadOnlyList<Scores> Variants)
{
    public const int PositionBins = 10;

    /// <summary>Questions that have no score: unreadable lines, unreadable videos, failed requests, verdicts that are none.</summary>
    public required int Skipped { get; init; }

    public required double SecondsPerQuestion { get; init; }

    /// <summary>The expected answer stands in the given one; null where the data's answers are exact by rule.</summary>
    public Tally? Contained { get; init; }

    /// <summary>Mean share of right sentences by type of description.</summary>
    public IReadOnlyDictionary<string, double> Sentences { get; init; } = new Dictionary<string, double>();

    /// <summary>By tenths of the film, those that were asked about.</summary>
    public IReadOnlyList<(int Bin, Tally Tally)> Positions { get; init; } = [];

    public IReadOnlyList<Judged> Judged { get; init; } = [];

    /// <summary>Accuracy if every skipped question had been answered wrongly: no report is better than what is certain.</summary>
    public double IfSkippedWrong => Plain.Overall.Count + Skipped == 0 ? 0 : (double)Plain.Overall.Right / (Plain.Overall.Count + Skipped);

    /// <summary>The context token switched off: the form that does the model less harm, on two and three objects where there are such questions.</summary>
    public Scores? ContextOff => Variants.Where(scores => scores.Name is Ablation.ContextDropped or Ablation.ContextReplaced)
        .OrderByDescending(scores => scores.Crowded.Count > 0 ? scores.Crowded.Accuracy : scores.Overall.Accuracy).FirstOrDefault();

    public IEnumerable<(int Number, Scores Scores)> Numbered(string prefix) =>
        Variants.Where(scores => scores.Name.StartsWith(prefix, StringComparison.Ordinal)).Select(scores => (int.Parse(scores.Name[prefix.Length..]), scores));

    public static Report Of(
        IReadOnlyList<Variant> variants, ScoredAnswer[,] answers, DrawnTruth truth, bool isExactByRule, int skipped, double secondsPerQuestion)
    {
        var count = answers.GetLength(1);
        var scores = variants.Select((variant, row) => Scores.Of(variant.Name, Enumerable.Range(0, count).Select(column => answers[row, column]), truth))
            .ToArray();
        var plain = Enumerable.Range(0, count).Select(column => answers[0, column]).Where(answer => answer.IsScored).ToArray();
        return new(scores[0], scores[1..])
        {
            Skipped = skipped,
            SecondsPerQuestion = secondsPerQuestion,
            Contained = isExactByRule ? null : Tally.Of(plain.Select(answer => answer.IsContained)),
            Sentences = plain.Where(answer => AnswerMatch.HasSentences(answer.Sample.Type)).GroupBy(answer => answer.Sample.Type)
                .ToDictionary(group => group.Key, group => group.Average(answer => answer.RightSentences)),
            Positions = [.. plain.Select(answer => (Bin: Bin(truth, answer.Sample), answer.IsRight)).Where(each => each.Bin >= 0)
                .GroupBy(each => each.Bin).OrderBy(group => group.Key).Select(group => (group.Key, Tally.Of(group.Select(each => each.IsRight))))],
            Judged = [.. plain.SelectMany(answer => answer.Verdicts).GroupBy(pair => pair.Key)
                .Select(group => JudgedOf(group.Key, [.. group.Select(pair => pair.Value)]))],
        };
    }

    private static int Bin(DrawnTruth truth, Sample sample) => truth.Position(sample) is { } position
        ? Math.Min(PositionBins - 1, (int)(position * PositionBins)) : -1;

    private static Judged JudgedOf(string aspect, Verdict[] verdicts) => new(
        aspect, verdicts.Length, verdicts.Average(verdict => verdict.Score),
        verdicts.All(verdict => verdict.IsMatch is not null) ? Tally.Of(verdicts.Select(verdict => verdict.IsMatch == true)) : null);
}
