using LlamaVid.Training.Plots;

namespace LlamaVid.Training.Loop;

/// <summary>A run's log as pictures: <c>loss.svg</c>, and <c>accuracy.svg</c> where the objective has such a thing. Knows the log only.</summary>
internal static class RunPlots
{
    private const int MostPoints = 60;                                       // neighbours are averaged: a line of the log is noisy

    /// <summary>Writes the pictures beside the log.</summary>
    public static void Write(RunFiles files)
    {
        var reports = RunLog.Read(files.Log);
        if (reports.Count == 0) return;
        var groups = reports.Chunk((reports.Count + MostPoints - 1) / MostPoints).ToArray();
        Plot.OverNumbers("Loss", "step", "loss").Line(null, Points(groups, report => report.Loss)).Write(Path.Combine(files.Folder, "loss.svg"));
        if (reports[^1].Accuracy is null) return;

        var plot = Plot.OverNumbers("Accuracy", "step", "right, %", (0, 105)).Line("all", Points(groups, report => 100 * report.Accuracy));
        foreach (var kind in reports.SelectMany(report => report.Kinds?.Keys ?? Enumerable.Empty<string>()).Distinct().Order())
            plot.Line(kind, Points(groups, report => 100 * (report.Kinds ?? []).GetValueOrDefault(kind, double.NaN)));
        plot.Write(Path.Combine(files.Folder, "accuracy.svg"));
    }

    private static IEnumerable<(double, double)> Points(StepReport[][] groups, Func<StepReport, double?> value) =>
        from @group in groups
        let known = @group.Select(value).Where(each => each is { } number && double.IsFinite(number)).ToArray()
        where known.Length > 0
        select ((double)@group[^1].Step, known.Average()!.Value);
}
