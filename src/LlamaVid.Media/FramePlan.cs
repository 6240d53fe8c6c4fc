namespace LlamaVid.Media;

/// <summary>Which frames are taken, as a rule over frame numbers. Arithmetic only: the same rule as C# and as an ffmpeg expression of constant length.</summary>
/// <remarks>
/// Frames with <c>Start &lt;= t &lt; End</c> are numbered from 0 (the range ends at the first frame at or after <c>End</c>). Every <see cref="Stride"/>-th of them is a candidate.
/// Without <see cref="Keep"/> all candidates are taken. With it, N of the M <see cref="Candidates"/> are taken, the first and the last among them:
/// candidate number round-half-up(i * (M - 1) / (N - 1)) for i = 0 … N-1; for N = 1 the first.
/// M comes from the packets in the file; where some of them do not decode, fewer than N frames come.
/// With <see cref="KeyFrames"/> the rule says which points of the video are wanted, and the key frames nearest to them are taken.
/// </remarks>
public sealed record FramePlan
{
    private FramePlan() { }

    public required int Stride { get; init; }
    public required double? Start { get; init; }
    public required double? End { get; init; }

    /// <summary>Candidates that the file's packets promise (M).</summary>
    public required long Candidates { get; init; }

    /// <summary>How many of the candidates are taken (N); null: all.</summary>
    public required int? Keep { get; init; }

    /// <summary>Times of the key frames that are taken, ascending; null: the frames of the rule itself are.</summary>
    public IReadOnlyList<double>? KeyFrames { get; init; }

    /// <summary>Of separate pictures: how many of them are a second.</summary>
    public double? PictureRate { get; init; }

    /// <summary>Frames that will come if every packet decodes. More than <see cref="Limit"/> never come: reading stops with an error.</summary>
    public long ExpectedFrames => KeyFrames?.Count ?? Keep ?? Candidates;

    internal int Limit { get; init; }

    /// <summary>round-half-to-even(rate / fps), at least 1: a rate asked for above the video's own takes every frame.</summary>
    public static int StrideOf(Rational rate, double framesPerSecond) =>
        (int)Math.Clamp(Math.Round(rate.Value / framesPerSecond, MidpointRounding.ToEven), 1, int.MaxValue);

    /// <param name="rate">Null: every frame is a candidate.</param>
    /// <param name="framesInRange">How many frames lie in the range that <paramref name="sampling"/> names.</param>
    internal static FramePlan Make(FrameSampling sampling, Rational? rate, long framesInRange, int limit)
    {
        Require(sampling);
        if (sampling.MaxFrames > limit)
            throw VideoTooLongException.OfMaxFrames(sampling.MaxFrames.Value, limit);

        var stride = rate is { } known ? StrideOf(known, sampling.FramesPerSecond ?? FrameSampling.DefaultFramesPerSecond) : 1;
        var candidates = (framesInRange + stride - 1) / stride;
        var plan = new FramePlan
        {
            Stride = stride, Start = sampling.Start, End = sampling.End,
            Candidates = candidates, Keep = candidates > sampling.MaxFrames ? sampling.MaxFrames : null, Limit = limit,
        };
        return plan.ExpectedFrames <= limit ? plan : throw VideoTooLongException.OfFrames(plan.ExpectedFrames, limit);
    }

    /// <summary>Whether the frame with this number in the range is taken.</summary>
    internal bool Takes(long number) => number % Stride == 0 && Keeps(number / Stride);

    private bool Keeps(long candidate)
    {
        if (Keep is not { } n) return true;
        if (n == 1 || candidate >= Candidates) return candidate == 0;
        long last = Candidates - 1, steps = n - 1;
        var nearest = (2 * candidate * steps + last) / (2 * last);      // the only i that can lead here: steps are at least 1 apart
        return (2 * nearest * last + steps) / (2 * steps) == candidate;
    }

    /// <summary><see cref="Takes"/> and the range for ffmpeg's select filter, commas escaped. Register 0 counts frames of the range, 1 and 2 are scratch.</summary>
    /// <param name="timeBase">The range is given to ffmpeg in whole ticks, so that both sides draw the same line.</param>
    internal string SelectExpression(Rational timeBase)
    {
        var number = Start is null ? "n" : "ld(0)-1";
        var taken = $"not(mod({number},{Stride}))";
        if (Keep is 1)
            taken = $"eq({number},0)";
        else if (Keep is { } n)
        {
            long last = Candidates - 1, steps = n - 1;
            taken += $"*not(st(1,({number})/{Stride})*0)*lt(ld(1),{Candidates})" +
                     $"*not(st(2,floor((2*ld(1)*{steps}+{last})/{2 * last}))*0)*eq(floor((2*ld(2)*{last}+{steps})/{2 * steps}),ld(1))";
        }
        if (Start is { } start)
            taken = $"if(gte(pts,{FirstTickAtOrAfter(start, timeBase)}),not(st(0,ld(0)+1)*0)*{taken},0)";
        if (End is { } end)
            taken = $"if(lt(pts,{FirstTickAtOrAfter(end, timeBase)}),{taken},0)";
        return taken.Replace(",", "\\,", StringComparison.Ordinal);
    }

    /// <summary>The smallest pts whose time in seconds, as reported with frames, is not before <paramref name="seconds"/>.</summary>
    internal static long FirstTickAtOrAfter(double seconds, Rational timeBase)
    {
        var ticks = Math.Floor(seconds * timeBase.Denominator / timeBase.Numerator);
        if (Math.Abs(ticks) >= 1L << 52) return ticks < 0 ? -(1L << 52) : 1L << 52;     // ffmpeg computes in doubles; no real video gets there
        var tick = (long)ticks;
        while (PacketTimes.Seconds(tick, timeBase) >= seconds) tick--;
        while (PacketTimes.Seconds(tick, timeBase) < seconds) tick++;
        return tick;
    }

    private static void Require(FrameSampling sampling)
    {
        if (sampling.FramesPerSecond is { } fps && !(fps > 0 && double.IsFinite(fps)))
            throw new ArgumentOutOfRangeException(nameof(sampling), fps, "fps must be a positive number.");
        if (sampling.MaxFrames < 1)
            throw new ArgumentOutOfRangeException(nameof(sampling), sampling.MaxFrames, "max_frames must be at least 1.");
        if (sampling.Start is { } start && !double.IsFinite(start))
            throw new ArgumentOutOfRangeException(nameof(sampling), start, "start must be a number of seconds.");
        if (sampling.End is { } end && !(double.IsFinite(end) && end > (sampling.Start ?? double.NegativeInfinity)))
            throw new ArgumentOutOfRangeException(nameof(sampling), end, "end must be a number of seconds after start.");
    }
}
