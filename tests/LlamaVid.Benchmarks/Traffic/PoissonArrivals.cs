namespace LlamaVid.Benchmarks.Traffic;

/// <summary>When requests of many independent clients arrive: at a rate, without memory. The same seed gives the same times.</summary>
internal static class PoissonArrivals
{
    /// <param name="rate">requests per second, above 0</param>
    public static IEnumerable<TimeSpan> Draw(double rate, TimeSpan during, int seed)
    {
        var random = new Random(seed);
        for (var at = Gap(); at < during.TotalSeconds; at += Gap()) yield return TimeSpan.FromSeconds(at);

        double Gap() => -Math.Log(1 - random.NextDouble()) / rate;
    }
}
