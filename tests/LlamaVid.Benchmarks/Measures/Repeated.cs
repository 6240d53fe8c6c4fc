using System.Diagnostics;

namespace LlamaVid.Benchmarks.Measures;

/// <summary>One quantity that was measured several times after a warm-up that does not count.</summary>
internal sealed record Repeated(double Median, double Min, double Max, int Runs)
{
    /// <param name="measure">given the number of the run, which is negative for a warm-up</param>
    public static async Task<Repeated> MeasureAsync(int runs, Func<int, Task<double>> measure, int warmUps = 1)
    {
        for (var run = -warmUps; run < 0; run++) await measure(run);
        var values = new List<double>();
        for (var run = 0; run < runs; run++) values.Add(await measure(run));
        return Of(values);
    }

    /// <summary>What several runs gave, each of many numbers. The first is a warm-up, unless it took longer than the patience: then it is all there is.</summary>
    /// <param name="most">runs that count; fewer when they take longer than the patience</param>
    public static async Task<IReadOnlyList<T>> GatherAsync<T>(int most, TimeSpan patience, Func<int, Task<T>> measure)
    {
        var begin = Stopwatch.GetTimestamp();
        var first = await measure(-1);
        if (Stopwatch.GetElapsedTime(begin) > patience) return [first];
        var seen = new List<T>();
        do seen.Add(await measure(seen.Count));
        while (seen.Count < most && Stopwatch.GetElapsedTime(begin) < patience);
        return seen;
    }

    /// <param name="values">at least one</param>
    public static Repeated Of(IEnumerable<double> values)
    {
        var sorted = values.Order().ToArray();
        return new(Distribution.Percentile(sorted, 0.5), sorted[0], sorted[^1], sorted.Length);
    }
}
