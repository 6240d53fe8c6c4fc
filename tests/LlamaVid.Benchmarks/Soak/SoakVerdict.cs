using LlamaVid.Benchmarks.Measures;

namespace LlamaVid.Benchmarks.Soak;

/// <summary>Says what grew. Memory and threads under load, once they have settled; what requests hold, between two moments of rest. Knows no process.</summary>
internal static class SoakVerdict
{
    private const int LeastSamples = 8;

    /// <param name="samples">looks at the process in order, first to last</param>
    /// <param name="settled">after the settling time</param>
    /// <param name="end">after all traffic</param>
    /// <returns>one sentence for each thing that grew beyond its bound</returns>
    public static IReadOnlyList<string> Of(IReadOnlyList<ResourceSample> samples, ResourceSample settled, ResourceSample end)
    {
        var faults = new List<string>();
        if (samples.Count >= LeastSamples)
        {
            CheckMemory("resident megabytes", sample => sample.RssMb);
            CheckMemory("resident megabytes that are no file's", sample => sample.OwnMb);
            Check("threads", Median(samples, quarter: 1, sample => sample.Threads), Median(samples, quarter: 3, sample => sample.Threads), Bounds.Threads);
        }
        else
            faults.Add($"memory and threads were looked at {samples.Count} times, and {LeastSamples} are needed to judge them");
        Check("open files", settled.Files, end.Files, Bounds.Files);
        Check("child processes", settled.Children, end.Children, Bounds.Children);
        Check("temporary files", settled.TemporaryFiles, end.TemporaryFiles, Bounds.TemporaryFiles);
        return faults;

        void CheckMemory(string what, Func<ResourceSample, double> of)
        {
            var (second, last) = (Median(samples, quarter: 1, of), Median(samples, quarter: 3, of));
            Check(what, second, last, Math.Max(Bounds.ResidentMegabytes, second * Bounds.ResidentShare));
        }

        void Check(string what, double before, double after, double bound)
        {
            if (after - before > bound) faults.Add($"{what} grew from {before:0.#} to {after:0.#}, more than {bound:0.#}");
        }
    }

    /// <summary>The median of a quarter of the time: one collection, or one burst in the thread pool, more or less does not move it.</summary>
    private static double Median(IReadOnlyList<ResourceSample> samples, int quarter, Func<ResourceSample, double> of)
    {
        var (begin, span) = (samples[0].Seconds, samples[^1].Seconds - samples[0].Seconds);
        var inside = samples.Where(sample => sample.Seconds >= begin + span * quarter / 4 && sample.Seconds <= begin + span * (quarter + 1) / 4);
        return Distribution.Of([.. inside.Select(of)])!.P50;
    }
}
