namespace LlamaVid.Benchmarks.Measures;

/// <summary>Tokens per second of streams that run side by side, counted only while all of them run. Knows no clock.</summary>
internal static class SteadyRate
{
    /// <param name="streams">for each stream the times of its tokens in milliseconds, ascending, two at least</param>
    /// <returns>tokens per second from the moment the last stream began until the first one ended</returns>
    /// <exception cref="BenchmarkException">the streams never ran all at once</exception>
    public static double Of(IReadOnlyList<IReadOnlyList<double>> streams)
    {
        var (begin, end) = (streams.Max(tokens => tokens[0]), streams.Min(tokens => tokens[^1]));
        if (end <= begin) throw new BenchmarkException($"of {streams.Count} streams one ended before another began; ask for more tokens (--tokens).");
        return streams.Sum(tokens => tokens.Count(at => at > begin && at <= end)) / (end - begin) * 1000;
    }

    /// <returns>times from one token to the next, of all streams</returns>
    public static IEnumerable<double> Gaps(IEnumerable<IReadOnlyList<double>> streams) =>
        streams.SelectMany(tokens => tokens.Skip(1).Zip(tokens, (next, before) => next - before));
}
