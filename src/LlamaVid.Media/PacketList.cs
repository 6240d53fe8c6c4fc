using System.Globalization;

namespace LlamaVid.Media;

/// <summary>The packets of a file's first real video stream, read without decoding, in the ticks of a clock that only the header knows.</summary>
/// <param name="Stream">the stream's number; null when there are no packets</param>
/// <param name="Ticks">of packets that are to be shown (not the ones an edit list cuts away)</param>
/// <param name="Keys">those of key frames</param>
/// <param name="Timeless">packets that are to be shown and have no time</param>
internal sealed record PacketList(int? Stream, List<long> Ticks, List<long> Keys, int Timeless)
{
    /// <summary>32 MB of times; at 60 frames per second 19 hours.</summary>
    private const int MaxPackets = 4_000_000;

    /// <summary>ffmpeg's word for the first video stream that is no cover picture.</summary>
    public const string FirstVideo = "V:0";

    /// <param name="stream">which one, in ffmpeg's words</param>
    /// <exception cref="VideoTooLongException">there are more packets than can be kept</exception>
    public static async Task<PacketList> ReadAsync(
        FfmpegTools tools, Workspace workspace, MediaFormat format, string stream, MediaOptions options, CancellationToken cancellationToken)
    {
        var (ticks, keys, timeless, number) = (new List<long>(), new List<long>(), 0, (int?)null);
        var what = $"-select_streams {stream} -of csv=p=0 -show_entries packet=stream_index,pts,flags";
        var exitCode = await tools.ProbeAsync(workspace, format, what, line =>
        {
            if (Packet.Parse(line) is not { } packet) return true;
            number = packet.Stream;
            if (packet.Tick is { } tick) ticks.Add(tick);
            else timeless++;
            if (packet is { IsKey: true, Tick: { } key }) keys.Add(key);
            return ticks.Count + timeless <= MaxPackets;
        }, cancellationToken).ConfigureAwait(false);
        if (exitCode is null) throw VideoTooLongException.OfFrames(MaxPackets, options.MaxFrames);
        return new(number, ticks, keys, timeless);
    }

    /// <summary>One line of ffprobe's.</summary>
    internal readonly record struct Packet(int Stream, long? Tick, bool IsKey)
    {
        /// <returns>null when the packet is not shown or the line is not understood</returns>
        public static Packet? Parse(string line)
        {
            // 0,1024,K_
            if (line.Split(',') is not [var stream, var pts, var flags, ..] || flags.Contains('D')
                || !int.TryParse(stream, NumberStyles.None, CultureInfo.InvariantCulture, out var number)) return null;
            var isKey = flags.StartsWith('K');
            if (long.TryParse(pts, NumberStyles.AllowLeadingSign, CultureInfo.InvariantCulture, out var tick)) return new(number, tick, isKey);
            return pts.StartsWith("N/A", StringComparison.Ordinal) ? new(number, null, isKey) : null;
        }
    }
}
