using System.Diagnostics;
using LlamaVid.Benchmarks.Measures;
using LlamaVid.Benchmarks.Traffic;

namespace LlamaVid.Benchmarks.Load;

/// <summary>Goes through every case of an order against one server, and shows each as a row. Knows no command line.</summary>
internal static class LoadRun
{
    public static async Task<IReadOnlyList<LoadResult>> RunAsync(ServerProcess server, LoadOrder order, CancellationToken cancellationToken)
    {
        var clips = await ClipSupply.DrawAsync(order.Clips, order.Seed, cancellationToken);
        var watch = server.WatchedId is { } pid ? new ProcessWatch(pid) : null;
        using var client = new ChatClient(server.Url);
        var table = new Table(
            ("requests", 12), ("pattern", 11), ("answered", 9), ("ttft p50", 9), ("p99", 8), ("token p50", 9), ("p99", 8), ("queue p50", 9),
            ("tok/s", 8), ("frames/s", 8), ("MB", 6), ("other", 5));
        var results = new List<LoadResult>();
        foreach (var (kind, isKnown) in order.Contents)
            foreach (var pattern in order.Patterns)
            {
                var workload = new Workload(kind, isKnown, clips, order.MaxTokens);
                foreach (var body in workload.ToMakeKnown()) await client.AskAsync(body, Stopwatch.StartNew(), TimeSpan.Zero, cancellationToken);
                await pattern.RunAsync(client, workload, order.WarmUp, cancellationToken);
                watch?.ResetPeak();
                var result = LoadResult.Of(workload, pattern, await pattern.RunAsync(client, workload, order.During, cancellationToken), order.During, watch);
                results.Add(result);
                table.Row(
                    result.Known is { } known ? $"{result.Kind} {(known ? "known" : "new")}" : result.Kind, pattern, $"{result.Answered}/{result.Requests}",
                    result.Ttft?.P50, result.Ttft?.P99, result.InterToken?.P50, result.InterToken?.P99, result.Queue?.P50, result.TokensS, result.FramesS,
                    result.PeakMb, string.Join(", ", result.Errors.Select(error => $"{error.Value} × {error.Key}")));
            }
        return results;
    }
}
