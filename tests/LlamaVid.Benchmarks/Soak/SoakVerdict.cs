using LlamaVid.Benchmarks.Measures;

namespace LlamaVid.Benchmarks.Soak;

/// <summary>Says what grew. Memory under load, once it has settled; everything that is counted, between two moments of rest. Knows no process.</summary>
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
            var (second, last) = (ResidentOf(samples, quarter: 1), ResidentOf(samples, quarter: 3));
            Check("resident megabytes", second, last, Math.Max(Bounds.ResidentMegabytes, second * Bounds.ResidentShare));
        }
        else
            faults.Add($"memory was looked at {samples.Count} times, and {LeastSamples} are needed to judge it");
        Check("threads", settled.Threads, end.Threads, Bounds.Threads);
        Check("open files", settled.Files, end.Files, Bounds.Files);
        Check("child processes", settled.Children, end.Children, Bounds.Children);
        Check("temporary files", settled.TemporaryFiles, end.TemporaryFiles, Bounds.TemporaryFiles);
        return faults;

        void Check(string what, double before, double after, double bound)
        {
            if (after - before > bound) faults.Add($"{what} grew from {before:0.#} to {after:0.#}, more than {bound:0.#}");
        }
    }

    /// <summary>The median of a quarter of the time: one collection more or less does not move it.</summary>
    private static double ResidentOf(IReadOnlyList<ResourceSample> samples, int quarter)
    {
        var (begin, span) = (samples[0].Seconds, samples[^1].Seconds - samples[0].Seconds);
        var inside = samples.Where(sample => sample.Seconds >= begin + span * quarter / 4 && sample.Seconds <= begin + span * (quarter + 1) / 4).Select(sample => sample.RssMb);
        return Distribution.Of([.. inside])!.P50;
    }
}
