namespace LlamaVid.Media;

/// <summary>When the frames of a stream are due, by its packets: what the file holds, whatever its header claims.</summary>
internal sealed class PacketTimes
{
    private readonly double[] _seconds, _keys;
    private readonly int _unknown;

    private PacketTimes(double[] sorted, double[] sortedKeys, int unknown) => (_seconds, _keys, _unknown) = (sorted, sortedKeys, unknown);

    /// <summary>Packets that are to be shown (not the ones an edit list cuts away).</summary>
    public long Count => _seconds.Length + _unknown;

    /// <summary>Memory that the times take.</summary>
    public long Bytes => sizeof(double) * ((long)_seconds.Length + _keys.Length);

    public double First => _seconds.Length > 0 ? _seconds[0] : 0;
    public double Last => _seconds.Length > 0 ? _seconds[^1] : 0;

    /// <param name="packets">of the stream</param>
    public static PacketTimes Of(PacketList packets, Rational timeBase)
    {
        var (seconds, keys) = (packets.Ticks.ConvertAll(tick => Seconds(tick, timeBase)), packets.Keys.ConvertAll(tick => Seconds(tick, timeBase)));
        seconds.Sort();
        keys.Sort();
        return new([.. seconds], [.. keys], packets.Timeless);
    }

    /// <summary>How many lie in <c>start &lt;= t &lt; end</c>. Packets without a time count only when there is no range.</summary>
    public long CountWithin(double? start, double? end) =>
        start is null && end is null ? Count : NumberOf(end ?? double.PositiveInfinity) - NumberOf(start ?? double.NegativeInfinity);

    /// <summary>How many are before a time: the number of the frame that is shown then.</summary>
    public int NumberOf(double time) => FirstAtOrAfter(_seconds, time);

    /// <summary>The last key frame but one at or before <paramref name="start"/>; null when there is none after the first frame, or when times are missing or repeated.</summary>
    /// <remarks>But one: pictures around a key frame may refer past it (open groups), or be whole only some frames later (gradual refresh). A whole group heals both.</remarks>
    public double? KeyFrameBefore(double start)
    {
        var at = FirstAtOrAfter(_keys, Math.BitIncrement(start)) - 2;
        return at >= 0 && _keys[at] > Math.Max(0, First) && TellFramesApart() ? _keys[at] : null;
    }

    /// <summary>For each frame of the plan's rule the key frame of its range that is nearest in time, the earlier of two; each once.</summary>
    /// <returns>null where that saves nothing or cannot be known: no key frame in the range, nothing but key frames, times that are missing or repeated</returns>
    public IReadOnlyList<double>? NearestKeyFrames(FramePlan plan)
    {
        var (start, end) = (plan.Start ?? double.NegativeInfinity, plan.End ?? double.PositiveInfinity);
        var (first, past) = (NumberOf(start), NumberOf(end));
        var keys = _keys.AsSpan()[FirstAtOrAfter(_keys, start)..FirstAtOrAfter(_keys, end)];
        if (keys.Length == 0 || keys.Length == past - first || !TellFramesApart()) return null;

        var (nearest, at) = (new List<double>(), 0);
        for (var i = first; i < past; i++)
        {
            if (!plan.Takes(i - first)) continue;
            while (at + 1 < keys.Length && Math.Abs(keys[at + 1] - _seconds[i]) < Math.Abs(keys[at] - _seconds[i])) at++;
            if (nearest.Count == 0 || nearest[^1] != keys[at]) nearest.Add(keys[at]);
        }
        return nearest;
    }

    /// <summary>Correctly rounded: the double nearest to the exact time, so that 0.3 s is the 0.3 a client writes.</summary>
    public static double Seconds(long pts, Rational timeBase) => (double)pts * timeBase.Numerator / timeBase.Denominator;

    /// <summary>Whether the packets come about as often as a rate says, on average or mostly, within a factor of four.</summary>
    /// <remarks>Recordings of browsers and some FLV files claim the ticks of their clock, 1000 per second.</remarks>
    public bool BearOut(Rational rate)
    {
        if (_seconds.Length < 2 || Last <= First) return true;
        if (IsNear((Last - First) / (Count - 1))) return true;
        var gaps = new double[_seconds.Length - 1];
        for (var i = 0; i < gaps.Length; i++) gaps[i] = _seconds[i + 1] - _seconds[i];
        Array.Sort(gaps);
        return IsNear(gaps[gaps.Length / 2]);

        bool IsNear(double gap) => rate.Value * gap is >= 0.25 and <= 4;
    }

    /// <summary>Which key frame is due at exactly this time, from 0; null for none.</summary>
    public int? KeyNumberAt(double time) => Array.BinarySearch(_keys, time) is >= 0 and var at ? at : null;

    private bool TellFramesApart()
    {
        for (var i = 1; i < _seconds.Length; i++)
            if (_seconds[i] == _seconds[i - 1]) return false;
        return _unknown == 0;
    }

    private static int FirstAtOrAfter(double[] sorted, double time)
    {
        var (low, high) = (0, sorted.Length);
        while (low < high)
        {
            var middle = (low + high) / 2;
            if (sorted[middle] < time) low = middle + 1;
            else high = middle;
        }
        return low;
    }
}
