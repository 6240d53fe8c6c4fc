using System.Diagnostics;
using LlamaVid.Benchmarks.Measures;

namespace LlamaVid.Benchmarks.Start;

/// <summary>How long it takes to read a folder's weights plainly, one file after the other: what no loader can beat. Seconds.</summary>
/// <param name="Disk">with none of the files' pages in memory</param>
/// <param name="Memory">with all of them there</param>
internal sealed record FileReading(double Gigabytes, Repeated Disk, Repeated Memory)
{
    private const int BlockBytes = 8 << 20;

    public static async Task<FileReading> MeasureAsync(string folder, int runs)
    {
        var files = Weights(folder);
        return new(
            files.Sum(file => new FileInfo(file).Length) / 1e9,
            await Repeated.MeasureAsync(runs, _ =>
            {
                PageCache.Forget(files);
                return Task.FromResult(Read(files));
            }, warmUps: 0),
            await Repeated.MeasureAsync(runs, _ => Task.FromResult(Read(files)), warmUps: 0));
    }

    public static IReadOnlyList<string> Weights(string folder) => [.. Directory.GetFiles(folder).Where(file => Path.GetExtension(file) is ".bin" or ".pth" or ".safetensors").Order()];

    private static double Read(IReadOnlyList<string> files)
    {
        var (block, begin) = (new byte[BlockBytes], Stopwatch.GetTimestamp());
        foreach (var file in files)
        {
            using var stream = new FileStream(file, FileMode.Open, FileAccess.Read, FileShare.Read, 1, FileOptions.SequentialScan);
            while (stream.Read(block) > 0)
            {
            }
        }
        return Stopwatch.GetElapsedTime(begin).TotalSeconds;
    }
}
