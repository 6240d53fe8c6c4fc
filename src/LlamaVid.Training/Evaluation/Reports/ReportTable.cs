using LlamaVid.Training.Evaluation.Scoring;

namespace LlamaVid.Training.Evaluation.Reports;

/// <summary>A report as tables for people.</summary>
internal static class ReportTable
{
    public static void Write(Report report, TextWriter output)
    {
        output.WriteLine($"{"type",-24}{"count",8}{"accuracy",10}   95 % interval");
        foreach (var (type, tally) in report.Plain.ByType)
            output.WriteLine(Row(type, tally) + (report.Sentences.TryGetValue(type, out var share) ? $"   {Percent(share)} of the sentences right" : ""));
        output.WriteLine(Row("overall", report.Plain.Overall));
        if (report.Plain.Crowded.Count > 0) output.WriteLine(Row("two or three objects", report.Plain.Crowded));
        if (report.Contained is { } contained) output.WriteLine(Row("answer contained", contained));
        WriteJudged(report, output);
        WriteVariants(report, output);
        WritePositions(report, output);
        output.WriteLine($"{report.SecondsPerQuestion * 1000:0.0} ms per question");
        if (report.Skipped > 0)
            output.WriteLine($"{report.Skipped} questions were skipped and are in no accuracy; {Percent(report.IfSkippedWrong)} overall if they count as wrong.");
    }

    private static void WriteJudged(Report report, TextWriter output)
    {
        foreach (var judged in report.Judged)
            output.WriteLine($"judge: {judged.Aspect,-17}{judged.Count,8}{(judged.Matches is { } matches ? Percent(matches.Accuracy) : ""),10}   score {judged.MeanScore:0.00} of {Verdict.Best}");
    }

    private static void WriteVariants(Report report, TextWriter output)
    {
        if (report.Variants.Count == 0) return;
        output.WriteLine();
        output.WriteLine($"{"changed",-24}{"count",8}{"accuracy",10}   95 % interval     two or three objects");
        foreach (var scores in report.Variants.Prepend(report.Plain))
            output.WriteLine($"{Row(scores.Name, scores.Overall)}{(scores.Crowded.Count > 0 ? Percent(scores.Crowded.Accuracy) : "-"),10}"
                + (scores.Skipped > 0 ? $"   {scores.Skipped} skipped" : ""));
        if (report.ContextOff is { } off) output.WriteLine($"context token off: {off.Name}, the form that costs less");
    }

    private static void WritePositions(Report report, TextWriter output)
    {
        if (report.Positions.Count == 0) return;
        output.WriteLine();
        output.WriteLine($"{"scene at",-24}{"count",8}{"accuracy",10}   95 % interval");
        foreach (var (bin, tally) in report.Positions)
            output.WriteLine(Row($"{bin * 10}-{(bin + 1) * 10} % of the film", tally));
    }

    private static string Row(string name, Tally tally) =>
        $"{name,-24}{tally.Count,8}{Percent(tally.Accuracy),10}   {Percent(tally.Interval.Low),7} - {Percent(tally.Interval.High),-7}";

    private static string Percent(double share) => $"{share * 100:0.0} %";
}
