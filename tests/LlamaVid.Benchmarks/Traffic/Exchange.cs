namespace LlamaVid.Benchmarks.Traffic;

/// <summary>How a request ended.</summary>
internal enum Outcome
{
    /// <summary>Complete, with the end that the protocol asks for.</summary>
    Answered,

    /// <summary>Refused or failed with a code of the server's own.</summary>
    Refused,

    /// <summary>This side went away.</summary>
    Cancelled,

    /// <summary>None of these: cut off, or not understood.</summary>
    Broken,
}

/// <summary>One request and what became of it. Times are milliseconds since the pattern began.</summary>
/// <param name="Begin">when it was due, which may be before it was sent</param>
/// <param name="End">when its last byte was here</param>
/// <param name="Code">status and code of a refusal, or what was wrong</param>
internal sealed record Exchange(double Begin, double End, Outcome Outcome, int Status, string? Code, StreamTiming Stream)
{
    /// <summary>When a refusal says to come back.</summary>
    public TimeSpan? RetryAfter { get; init; }

    public double? TimeToFirstText => Stream.Texts.Count > 0 ? Stream.Texts[0] - Begin : null;

    public IEnumerable<double> Gaps => Stream.Texts.Skip(1).Zip(Stream.Texts, (next, before) => next - before);

    /// <summary>Tokens that came before <paramref name="time"/>, as far as chunks tell: a chunk may carry more than one.</summary>
    public double TokensBefore(double time) =>
        Stream.Texts.Count == 0 ? 0 : Stream.Tokens * (double)Stream.Texts.Count(at => at < time) / Stream.Texts.Count;
}
