namespace LlamaVid.Media;

/// <summary>What has been found in media by looking into it, and about how much memory that takes. Holds no bytes of the media.</summary>
internal abstract record MediaFinding
{
    /// <summary>Of the objects themselves, names and numbers: small, but there may be many.</summary>
    private protected const int FixedBytes = 1024, TrackBytes = 256, LineBytes = 96;

    public abstract long Bytes { get; }
}

/// <summary>What a file is and holds.</summary>
/// <param name="Stream">of a list of pictures the first one's</param>
/// <param name="Times">null for pictures</param>
internal sealed record FileFinding(MediaFormat Format, ProbedStream Stream, PacketTimes? Times, MediaInfo Info) : MediaFinding
{
    public override long Bytes => FixedBytes + (long)TrackBytes * Stream.SubtitleTracks.Count + (Times?.Bytes ?? 0);
}

/// <summary>What the file itself says is said.</summary>
internal sealed record SubtitleFinding(ProbedTrack Track, IReadOnlyList<SubtitleLine> Lines) : MediaFinding
{
    public override long Bytes => FixedBytes + Lines.Sum(line => LineBytes + (long)sizeof(char) * line.Text.Length);
}
