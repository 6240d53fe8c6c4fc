using LlamaVid.Training.Evaluation.Scoring;
using LlamaVid.Training.Plots;

namespace LlamaVid.Training.Evaluation.Reports;

/// <summary>A report as pictures: types, and where there are such numbers the ablation, frame counts and positions in films.</summary>
internal static class ReportPlots
{
    private const string Accuracy = "accuracy, %";
    private static readonly (double, double) Percents = (0, 105);

    /// <summary>Writes <paramref name="path"/> and, beside it, files with -ablation, -frames and -positions in their names.</summary>
    /// <returns>the files</returns>
    public static IReadOnlyList<string> Write(Report report, string path)
    {
        var files = new List<string>();
        Add("", Bars("Accuracy by type, with 95 % intervals", [.. report.Plain.ByType, ("overall", report.Plain.Overall)]));
        if (report.Variants.Count > 0)
            Add("-ablation", Bars("What is changed, all questions",
                [.. report.Variants.Prepend(report.Plain).Select(scores => (scores.Name, scores.Overall))]));
        if (report.Numbered(Ablation.Frames).Any()) Add("-frames", Frames(report));
        if (report.Positions.Count > 0) Add("-positions", Positions(report));
        return files;

        void Add(string suffix, Plot plot)
        {
            var file = Path.Combine(Path.GetDirectoryName(path) ?? "", Path.GetFileNameWithoutExtension(path) + suffix + ".svg");
            plot.Write(file);
            files.Add(file);
        }
    }

    private static Plot Bars(string title, IReadOnlyList<(string Name, Tally Tally)> bars) =>
        Plot.OverNames(title, bars.Select(bar => bar.Name), Accuracy, Percents)
            .Bars(null, bars.Select(bar => 100 * bar.Tally.Accuracy))
            .Ranges(bars.Select((bar, at) => Range(at, bar.Tally)));

    private static Plot Frames(Report report)
    {
        var counts = report.Numbered(Ablation.Frames).Select(each => (Name: each.Number.ToString(), each.Scores))
            .Append((Name: "all", Scores: report.Plain)).ToArray();
        var plot = Plot.OverNames("Frames that the model sees", counts.Select(count => count.Name), Accuracy, Percents)
            .Line("all questions", counts.Select((count, at) => ((double)at, 100 * count.Scores.Overall.Accuracy)), hasMarkers: true);
        if (report.Plain.Crowded.Count > 0)
            plot.Line("two or three objects", counts.Select((count, at) => ((double)at, 100 * count.Scores.Crowded.Accuracy)), hasMarkers: true);
        return plot.Ranges(counts.Select((count, at) => Range(at, count.Scores.Overall)));
    }

    private static Plot Positions(Report report)
    {
        var places = report.Positions.Select(each => (X: 100 * (each.Bin + 0.5) / Report.PositionBins, each.Tally)).ToArray();
        return Plot.OverNumbers("Where in the film the asked scene is", "middle of the scene, % of the film", Accuracy, Percents)
            .Line(null, places.Select(place => (place.X, 100 * place.Tally.Accuracy)), hasMarkers: true)
            .Ranges(places.Select(place => Range(place.X, place.Tally)));
    }

    private static (double, double, double) Range(double x, Tally tally) => (x, 100 * tally.Interval.Low, 100 * tally.Interval.High);
}
