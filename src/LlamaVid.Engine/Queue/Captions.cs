namespace LlamaVid.Engine;

/// <summary>Which subtitles stand behind which frame: each behind the last frame before its end, as in the official films.</summary>
internal static class Captions
{
    /// <param name="lines">in the order in which they are said</param>
    /// <param name="times">seconds, one per frame, rising</param>
    /// <param name="end">of the excerpt; what begins later, or ends before the first frame, is not part of it</param>
    /// <returns>one text per frame, most of them empty</returns>
    public static IReadOnlyList<string> Of(IReadOnlyList<SubtitleLine> lines, IReadOnlyList<double> times, double? end)
    {
        var captions = new string[times.Count];
        Array.Fill(captions, "");
        var next = 0;                                                       // first frame at or after the line's end; never goes back
        foreach (var line in lines)
        {
            if (times.Count == 0 || line.End <= times[0] || line.Start >= end) continue;
            while (next < times.Count && times[next] < line.End) next++;
            captions[next - 1] = captions[next - 1].Length == 0 ? line.Text : $"{captions[next - 1]} {line.Text}";
        }
        return captions;
    }

    /// <returns>null for media without subtitles</returns>
    public static IReadOnlyList<string>? Of(SequenceMedia media, IReadOnlyList<double> times) => media.Subtitles is { } lines ? Of(lines, times, media.Input.Sampling.End) : null;

    /// <summary>At the frames about where they will be, before they are decoded.</summary>
    /// <returns>null for media without subtitles</returns>
    public static IReadOnlyList<string>? Expected(SequenceMedia media)
    {
        var (first, count) = (Math.Max(media.Plan.Start ?? 0, media.Info.StartTime), (int)media.Plan.ExpectedFrames);
        var last = Math.Min(media.Plan.End ?? double.PositiveInfinity, media.Info.StartTime + (media.Info.Duration ?? media.Info.Packets / media.Plan.PictureRate ?? count));
        return Of(media, [.. Enumerable.Range(0, count).Select(i => first + i * Math.Max(0, last - first) / count)]);
    }
}
