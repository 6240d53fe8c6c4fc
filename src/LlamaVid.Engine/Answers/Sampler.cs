namespace LlamaVid.Engine;

/// <summary>Draws one token from logits: greedy, or temperature, then top-k, then top-p, then a draw from a seeded generator.</summary>
/// <remarks>Order and rules as in transformers 4.31 (TemperatureLogitsWarper, TopKLogitsWarper, TopPLogitsWarper). One instance per request.</remarks>
internal sealed class Sampler(SamplingOptions options)
{
    private ulong _state = (ulong)(options.Seed ?? 0);

    public int Next(ReadOnlySpan<float> logits)
    {
        if (options.Temperature == 0) return Likeliest(logits);

        var (ids, probabilities) = Keep(logits, options);
        var target = NextDouble();
        var sum = 0.0;
        for (var i = 0; i < ids.Length; i++)
            if ((sum += probabilities[i]) > target)
                return ids[i];
        return ids[^1];
    }

    private static int Likeliest(ReadOnlySpan<float> logits)
    {
        var best = 0;
        for (var i = 1; i < logits.Length; i++)
            if (logits[i] > logits[best])
                best = i;
        return best;
    }

    /// <summary>The tokens that may be drawn, likeliest first, and their probabilities, which sum to one.</summary>
    internal static (int[] Ids, double[] Probabilities) Keep(ReadOnlySpan<float> logits, SamplingOptions options)
    {
        var ids = new int[logits.Length];
        var keys = new float[logits.Length];
        for (var i = 0; i < ids.Length; i++) (ids[i], keys[i]) = (i, -logits[i]);
        Array.Sort(keys, ids);                                              // likeliest first

        var count = options.TopK > 0 ? Math.Min(options.TopK, ids.Length) : ids.Length;
        while (count < ids.Length && keys[count] == keys[count - 1]) count++;   // equal to the k-th: kept too

        var weights = new double[count];
        for (var i = 0; i < count; i++) weights[i] = Math.Exp((keys[0] - keys[i]) / options.Temperature);
        var total = weights.Sum();
        for (var i = 0; i < count; i++) weights[i] /= total;

        var kept = 1;
        for (var sum = weights[0]; kept < count && sum < options.TopP; kept++) sum += weights[kept];
        var rest = weights.AsSpan(0, kept).ToArray();
        var scale = rest.Sum();
        for (var i = 0; i < kept; i++) rest[i] /= scale;
        return (ids[..kept], rest);
    }

    /// <summary>SplitMix64, so that a seed gives the same answer on every platform and version.</summary>
    private double NextDouble()
    {
        var z = _state += 0x9E3779B97F4A7C15;
        z = (z ^ (z >> 30)) * 0xBF58476D1CE4E5B9;
        z = (z ^ (z >> 27)) * 0x94D049BB133111EB;
        return ((z ^ (z >> 31)) >> 11) * (1.0 / (1UL << 53));
    }
}
