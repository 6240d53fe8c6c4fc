using System.Diagnostics;
using System.Runtime.InteropServices;

namespace LlamaVid.Benchmarks.Measures;

/// <summary>What numbers depend on besides the code: the machine, the runtime, and which code it was.</summary>
internal sealed record Machine(string Processor, int Cores, double MemoryGb, string System, string Runtime, string Configuration, double LoadBefore)
{
    public static Machine Here() => new(
        Field("/proc/cpuinfo", "model name") ?? RuntimeInformation.ProcessArchitecture.ToString(), Environment.ProcessorCount,
        Math.Round(GC.GetGCMemoryInfo().TotalAvailableMemoryBytes / 1e9, 1), RuntimeInformation.OSDescription, RuntimeInformation.FrameworkDescription,
        Path.GetFileName(Path.TrimEndingDirectorySeparator(AppContext.BaseDirectory)),
        File.Exists("/proc/loadavg") ? double.Parse(File.ReadAllText("/proc/loadavg").Split(' ')[0]) : 0);

    /// <summary>The commit, with a + behind it when files differ from it; null where git does not know.</summary>
    public static string? Commit()
    {
        var commit = Git("rev-parse", "--short=12", "HEAD");
        return commit is null or "" ? null : Git("status", "--porcelain", "--untracked-files=no") is "" ? commit : commit + "+";
    }

    private static string? Git(params string[] arguments)
    {
        try
        {
            using var git = Process.Start(new ProcessStartInfo("git", arguments)
            {
                WorkingDirectory = ProjectFiles.Root, RedirectStandardOutput = true, RedirectStandardError = true,
            })!;
            var output = git.StandardOutput.ReadToEnd().Trim();
            git.WaitForExit();
            return git.ExitCode == 0 ? output : null;
        }
        catch (global::System.ComponentModel.Win32Exception)                // no git here
        {
            return null;
        }
    }

    private static string? Field(string file, string name) => !File.Exists(file) ? null : File.ReadLines(file)
        .FirstOrDefault(line => line.StartsWith(name, StringComparison.Ordinal))?.Split(':', 2)[1].Trim();
}
