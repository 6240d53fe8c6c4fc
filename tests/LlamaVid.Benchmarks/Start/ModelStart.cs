using System.Diagnostics;
using LlamaVid.Benchmarks.Measures;
using LlamaVid.Benchmarks.Throughput;

namespace LlamaVid.Benchmarks.Start;

/// <summary>From the start of a server's process until it is ready, in seconds, beside reading its files plainly.</summary>
/// <param name="Cold">with none of the weights' pages in memory</param>
/// <param name="Warm">with all of them there</param>
/// <param name="ReadyMb">resident memory when it is ready</param>
/// <param name="PeakMb">the most until then</param>
internal sealed record ModelStart(Repeated Cold, Repeated Warm, double ColdOverDisk, double WarmOverMemory, double ReadyMb, double PeakMb)
{
    public static async Task<ModelStart> MeasureAsync(string folder, Precision precision, FileReading reading, int runs, CancellationToken cancellationToken)
    {
        var (files, cold, warm, ready, peak) = (FileReading.Weights(folder), new List<double>(), new List<double>(), 0.0, 0.0);
        for (var run = 0; run < runs; run++)
        {
            PageCache.Forget(files);
            cold.Add(await StartAsync());
            warm.Add(await StartAsync());
        }
        var (first, second) = (Repeated.Of(cold), Repeated.Of(warm));
        return new(first, second, first.Median / reading.Disk.Median, second.Median / reading.Memory.Median, ready, peak);

        async Task<double> StartAsync()
        {
            var begin = Stopwatch.GetTimestamp();
            await using var server = await ServerProcess.StartAsync(folder, [$"Model:Dtype={precision.Dtype}", $"Model:Quantization={precision.Quantization}"], cancellationToken);
            var seconds = Stopwatch.GetElapsedTime(begin).TotalSeconds;
            var watch = new ProcessWatch(server.WatchedId!.Value);
            (ready, peak) = (Math.Max(ready, watch.ResidentMegabytes), Math.Max(peak, watch.PeakMegabytes));
            return seconds;
        }
    }
}
