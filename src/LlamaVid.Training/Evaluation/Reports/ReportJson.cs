using System.Text.Json.Nodes;
using LlamaVid.Training.Evaluation.Scoring;

namespace LlamaVid.Training.Evaluation.Reports;

/// <summary>A report as one line of JSON for programs (docs/evaluation.md has the shape).</summary>
internal static class ReportJson
{
    public static string Line(Report report)
    {
        var (low, high) = report.Plain.Overall.Interval;
        return new JsonObject
        {
            ["overall"] = Number(report.Plain.Overall.Accuracy),
            ["count"] = report.Plain.Overall.Count,
            ["low"] = Number(low),
            ["high"] = Number(high),
            ["skipped"] = report.Skipped,
            ["overall_if_skipped_wrong"] = Number(report.IfSkippedWrong),
            ["by_type"] = ByType(report.Plain, report.Sentences),
            ["two_or_three_objects"] = Tallied(report.Plain.Crowded),
            ["contained"] = report.Contained is { } contained ? Tallied(contained) : null,
            ["positions"] = new JsonArray([.. report.Positions.Select(Position)]),
            ["judge"] = new JsonObject(report.Judged.Select(judged => KeyValuePair.Create<string, JsonNode?>(judged.Aspect, Verdicts(judged)))),
            ["ablation"] = Ablated(report),
            ["seconds_per_question"] = Math.Round(report.SecondsPerQuestion, 5),
        }.ToJsonString();
    }

    private static JsonObject Ablated(Report report)
    {
        var ablation = new JsonObject();
        if (report.Variants.Count == 0) return ablation;
        ablation["plain"] = Scored(report.Plain);
        if (report.ContextOff is { } off)
        {
            ablation["context_off"] = Scored(off);
            ablation["context_off"]!["form"] = off.Name;
        }
        foreach (var name in new[] { Ablation.ContextDropped, Ablation.ContextReplaced, Ablation.QuestionShuffled })
            if (report.Variants.FirstOrDefault(scores => scores.Name == name) is { } scores)
                ablation[name] = Scored(scores);
        ablation["content_tokens"] = Numbered(report, Ablation.Content);
        var frames = Numbered(report, Ablation.Frames);
        frames["all"] = Scored(report.Plain);
        ablation["frames"] = frames;
        return ablation;
    }

    private static JsonObject Numbered(Report report, string prefix) =>
        new(report.Numbered(prefix).Select(each => KeyValuePair.Create<string, JsonNode?>(each.Number.ToString(), Scored(each.Scores))));

    private static JsonObject Scored(Scores scores)
    {
        var json = Tallied(scores.Overall)!;
        json["skipped"] = scores.Skipped;
        json["two_or_three_objects"] = Tallied(scores.Crowded);
        json["by_type"] = ByType(scores, new Dictionary<string, double>());
        return json;
    }

    private static JsonObject ByType(Scores scores, IReadOnlyDictionary<string, double> sentences) =>
        new(scores.ByType.Select(each =>
        {
            var json = Tallied(each.Tally)!;
            if (sentences.TryGetValue(each.Type, out var share)) json["sentences"] = Number(share);
            return KeyValuePair.Create<string, JsonNode?>(each.Type, json);
        }));

    private static JsonNode Position((int Bin, Tally Tally) position)
    {
        var json = Tallied(position.Tally)!;
        json["from"] = (double)position.Bin / Report.PositionBins;
        json["to"] = (double)(position.Bin + 1) / Report.PositionBins;
        return json;
    }

    private static JsonObject Verdicts(Judged judged)
    {
        var json = new JsonObject { ["count"] = judged.Count, ["score"] = Number(judged.MeanScore) };
        if (judged.Matches is not { } matches) return json;
        var (low, high) = matches.Interval;
        (json["accuracy"], json["low"], json["high"]) = (Number(matches.Accuracy), Number(low), Number(high));
        return json;
    }

    /// <returns>null where nothing was counted</returns>
    private static JsonObject? Tallied(Tally tally)
    {
        if (tally.Count == 0) return null;
        var (low, high) = tally.Interval;
        return new() { ["accuracy"] = Number(tally.Accuracy), ["count"] = tally.Count, ["low"] = Number(low), ["high"] = Number(high) };
    }

    private static double Number(double value) => Math.Round(value, 4);
}
