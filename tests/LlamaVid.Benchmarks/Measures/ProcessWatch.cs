using System.Globalization;

namespace LlamaVid.Benchmarks.Measures;

/// <summary>What the kernel says of one process (Linux's /proc). Reads only; the peak may be set back.</summary>
/// <param name="temporaryFolder">where its temporary files are counted; null for nowhere</param>
internal sealed class ProcessWatch(int pid, string? temporaryFolder = null)
{
    private const double KilobytesPerMegabyte = 1024;

    public double ResidentMegabytes => Status("VmRSS") / KilobytesPerMegabyte;

    /// <summary>Of the resident memory what only the process gives back. The rest are pages of files, which the kernel takes and brings again as it likes.</summary>
    public double OwnMegabytes => (Status("RssAnon") + Status("RssShmem")) / KilobytesPerMegabyte;

    /// <summary>Since the process began, or since <see cref="ResetPeak"/>.</summary>
    public double PeakMegabytes => Status("VmHWM") / KilobytesPerMegabyte;

    public void ResetPeak()
    {
        const string resetPeak = "5";
        File.WriteAllText($"/proc/{pid}/clear_refs", resetPeak);
    }

    /// <param name="seconds">when this is, for the table</param>
    public ResourceSample Sample(double seconds) => new(
        seconds, ResidentMegabytes, OwnMegabytes, PeakMegabytes, (int)Status("Threads"), Directory.GetFileSystemEntries($"/proc/{pid}/fd").Length, Children(),
        temporaryFolder is null ? 0 : Directory.GetFileSystemEntries(temporaryFolder, "*", SearchOption.AllDirectories).Length);

    private long Status(string field)
    {
        foreach (var line in File.ReadLines($"/proc/{pid}/status"))
            if (line.StartsWith(field + ":", StringComparison.Ordinal))
                return long.Parse(line.AsSpan(field.Length + 1).Trim().ToString().Split(' ')[0], CultureInfo.InvariantCulture);
        throw new BenchmarkException($"/proc/{pid}/status has no {field}.");
    }

    private int Children() => Directory.GetDirectories($"/proc/{pid}/task")
        .Sum(task => TryRead(Path.Combine(task, "children")).Split(' ', StringSplitOptions.RemoveEmptyEntries).Length);

    /// <summary>A thread may end while it is looked at.</summary>
    private static string TryRead(string path)
    {
        try
        {
            return File.ReadAllText(path);
        }
        catch (IOException)
        {
            return "";
        }
    }
}

/// <summary>What a process held at one moment.</summary>
/// <param name="RssMb">resident memory</param>
/// <param name="OwnMb">of it what does not belong to files</param>
/// <param name="Children">processes that it has started and that still run</param>
internal sealed record ResourceSample(double Seconds, double RssMb, double OwnMb, double PeakMb, int Threads, int Files, int Children, int TemporaryFiles);
