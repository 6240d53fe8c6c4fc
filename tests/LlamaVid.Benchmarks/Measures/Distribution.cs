namespace LlamaVid.Benchmarks.Measures;

/// <summary>A sample of numbers as a reader wants it. Percentiles lie between the two nearest values, in proportion. Knows no units.</summary>
internal sealed record Distribution(int Count, double Min, double P50, double P90, double P99, double Max, double Mean)
{
    /// <returns>null when there are no values: nothing is not zero</returns>
    public static Distribution? Of(IEnumerable<double> values)
    {
        var sorted = values.Order().ToArray();
        return sorted.Length == 0 ? null
            : new(sorted.Length, sorted[0], Percentile(sorted, 0.5), Percentile(sorted, 0.9), Percentile(sorted, 0.99), sorted[^1], sorted.Average());
    }

    /// <param name="sorted">ascending, at least one</param>
    /// <param name="share">0 for the least, 1 for the greatest</param>
    public static double Percentile(IReadOnlyList<double> sorted, double share)
    {
        var place = share * (sorted.Count - 1);
        var below = (int)place;
        return below + 1 == sorted.Count ? sorted[below] : sorted[below] + (place - below) * (sorted[below + 1] - sorted[below]);
    }
}
