using LlamaVid.Benchmarks.Measures;

namespace LlamaVid.Benchmarks.Soak;

/// <summary>Compares what the server held at two moments of rest. Knows no process.</summary>
internal static class SoakVerdict
{
    /// <param name="settled">after the settling time</param>
    /// <param name="end">after all traffic</param>
    /// <returns>one sentence for each thing that grew beyond its bound</returns>
    public static IReadOnlyList<string> Of(ResourceSample settled, ResourceSample end)
    {
        var faults = new List<string>();
        Check("resident megabytes", settled.RssMb, end.RssMb, Math.Max(Bounds.ResidentMegabytes, settled.RssMb * Bounds.ResidentShare));
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
}
