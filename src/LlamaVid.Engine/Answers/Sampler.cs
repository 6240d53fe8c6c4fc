namespace LlamaVid.Engine;

/// <summary>Draws one token from logits: greedy, or temperature, then top-k and min-p, then top-p, then a draw from a seeded generator.</summary>
/// <remarks>
/// Order and rules as in transformers 4.31 (TemperatureLogitsWarper, TopKLogitsWarper, TopPLogitsWarper) and vLLM (min-p). One instance per answer: the
/// first answer of a request draws from its seed, every other one from a seed derived from it.
/// </remarks>
internal sealed class Sampler(SamplingOptions options, int choice = 0)
{
    private ulong _state = choice == 0 ? (ulong)(options.Seed ?? 0) : Mixed((ulong)(options.Seed ?? 0) ^ Mixed((ulong)choice));

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

    /// <summary>The tokens that may be drawn and their probabilities, which sum to one; likeliest first where only some are kept.</summary>
    internal static (int[] Ids, double[] Probabilities) Keep(ReadOnlySpan<float> logits, SamplingOptions options)
    {
        var most = logits[Likeliest(logits)];
        var floor = options.MinP > 0 ? (float)(most + options.Temperature * Math.Log(options.MinP)) : float.NegativeInfinity;
        if (options.TopK > 0 && options.TopK < logits.Length) floor = Math.Max(floor, KthLargest(logits, options.TopK));       // equal to the k-th: kept too

        var total = 0.0;
        foreach (var logit in logits)
            if (logit >= floor)
                total += Weight(logit);
        if (options.TopP < 1)
        {
            // Tokens with less than an equal share of what top-p leaves out sum to less than all of it: none of them is ever kept.
            var share = most + options.Temperature * Math.Log(Math.Max((1 - options.TopP) * total / logits.Length, double.Epsilon));
            floor = Math.Max(floor, (float)Math.Min(share - 1e-3 * Math.Abs(share), most));
        }

        var kept = new List<(float Logit, int Id)>();
        for (var i = 0; i < logits.Length; i++)
            if (logits[i] >= floor && logits[i] > float.NegativeInfinity)
                kept.Add((logits[i], i));
        if (options.TopP < 1 || options.TopK > 0) kept.Sort(static (a, b) => a.Logit == b.Logit ? a.Id.CompareTo(b.Id) : b.Logit.CompareTo(a.Logit));

        var (count, sum) = (0, 0.0);
        while (count < kept.Count && (count == 0 || options.TopP >= 1 || sum / total < options.TopP)) sum += Weight(kept[count++].Logit);
        var (ids, probabilities) = (new int[count], new double[count]);
        for (var i = 0; i < count; i++) (ids[i], probabilities[i]) = (kept[i].Id, Weight(kept[i].Logit) / sum);
        return (ids, probabilities);

        double Weight(float logit) => Math.Exp((logit - most) / options.Temperature);
    }

    private static float KthLargest(ReadOnlySpan<float> logits, int k)
    {
        var largest = new PriorityQueue<float, float>(k);
        foreach (var logit in logits)
            if (largest.Count < k) largest.Enqueue(logit, logit);
            else if (logit > largest.Peek()) largest.EnqueueDequeue(logit, logit);
        return largest.Peek();
    }

    /// <summary>SplitMix64, so that a seed gives the same answer on every platform and version.</summary>
    private double NextDouble() => (Mixed(_state += 0x9E3779B97F4A7C15) >> 11) * (1.0 / (1UL << 53));

    private static ulong Mixed(ulong z)
    {
        z = (z ^ (z >> 30)) * 0xBF58476D1CE4E5B9;
        z = (z ^ (z >> 27)) * 0x94D049BB133111EB;
        return z ^ (z >> 31);
    }
}
