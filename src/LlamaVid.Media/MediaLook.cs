using System.Buffers;
using Microsoft.Extensions.Logging;

namespace LlamaVid.Media;

/// <summary>Looks into the media of a workspace: what they are by their first bytes, what their header says, when their packets are due, what their subtitles are. Decodes no frame, knows no limit of a request, keeps nothing.</summary>
/// <remarks>It is work, so only a few do it at a time.</remarks>
internal sealed class MediaLook(FfmpegTools tools, MediaOptions options, ILogger logger) : IDisposable
{
    private const int AtOnce = 4;

    private readonly SemaphoreSlim _places = new(AtOnce);

    /// <exception cref="UnsupportedMediaException">415</exception>
    /// <exception cref="VideoUnreadableException">422, as the following</exception>
    /// <exception cref="VideoTooLongException">there are more packets than can be kept</exception>
    /// <exception cref="VideoTooLargeException"></exception>
    public Task<FileFinding> IntoFileAsync(Workspace workspace, CancellationToken cancellationToken) => InPlaceAsync(async () =>
    {
        var format = await SniffAsync(workspace, cancellationToken).ConfigureAwait(false);
        if (format.IsPicture) return await IntoPictureAsync(workspace, format, 1, cancellationToken).ConfigureAwait(false);
        var (stream, times) = await IntoVideoAsync(workspace, format, cancellationToken).ConfigureAwait(false);
        return times.Count > 0
            ? new FileFinding(format, stream, times, VideoInfo(format, stream, times))
            : throw new VideoUnreadableException("its video stream holds no frames; the file is empty or was cut off before the first one.");
    }, cancellationToken);

    /// <summary>Looks into the first one.</summary>
    public Task<FileFinding> IntoPicturesAsync(PictureList pictures, Workspace workspace, CancellationToken cancellationToken) => InPlaceAsync(async () =>
    {
        await pictures.PutAsync(0, cancellationToken).ConfigureAwait(false);
        var format = await SniffAsync(workspace, cancellationToken).ConfigureAwait(false);
        return await IntoPictureAsync(workspace, format, pictures.Count, cancellationToken).ConfigureAwait(false);
    }, cancellationToken);

    /// <exception cref="SubtitleTrackException">422: there is no track of text, or it cannot be read</exception>
    public Task<SubtitleFinding> IntoSubtitlesAsync(FileFinding file, Workspace workspace, CancellationToken cancellationToken) => InPlaceAsync(async () =>
    {
        var track = SubtitleTrack.Choose(file.Stream.SubtitleTracks);
        return new SubtitleFinding(track, await SubtitleTrack.ReadAsync(tools, workspace, file.Format, track, options, logger, cancellationToken).ConfigureAwait(false));
    }, cancellationToken);

    public static async Task<MediaFormat> SniffAsync(Workspace workspace, CancellationToken cancellationToken)
    {
        using var file = File.OpenHandle(workspace.MediaPath, options: FileOptions.Asynchronous);
        var head = ArrayPool<byte>.Shared.Rent(MediaFormat.SniffedBytes);
        try
        {
            var read = await RandomAccess.ReadAsync(file, head.AsMemory(0, MediaFormat.SniffedBytes), 0, cancellationToken).ConfigureAwait(false);
            return MediaFormat.Sniff(head.AsSpan(0, read));
        }
        finally
        {
            ArrayPool<byte>.Shared.Return(head);
        }
    }

    public void Dispose() => _places.Dispose();

    private async Task<T> InPlaceAsync<T>(Func<Task<T>> look, CancellationToken cancellationToken)
    {
        await _places.WaitAsync(cancellationToken).ConfigureAwait(false);
        try
        {
            return await look().ConfigureAwait(false);
        }
        finally
        {
            _places.Release();
        }
    }

    private async Task<FileFinding> IntoPictureAsync(Workspace workspace, MediaFormat format, int count, CancellationToken cancellationToken)
    {
        var stream = await VideoProbe.RunAsync(tools, workspace, format, options, cancellationToken).ConfigureAwait(false);
        return new(format, stream, Times: null, PictureInfo(format, stream, count));
    }

    /// <summary>Reads header and packets side by side: of a short clip, starting ffprobe takes longer than what it does.</summary>
    private async Task<(ProbedStream Stream, PacketTimes Times)> IntoVideoAsync(Workspace workspace, MediaFormat format, CancellationToken cancellationToken)
    {
        using var stop = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken);
        var reading = PacketList.ReadAsync(tools, workspace, format, PacketList.FirstVideo, options, stop.Token);
        ProbedStream stream;
        try
        {
            stream = await VideoProbe.RunAsync(tools, workspace, format, options, cancellationToken).ConfigureAwait(false);
        }
        catch
        {
            await stop.CancelAsync().ConfigureAwait(false);
            await ((Task)reading).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
            throw;
        }
        var packets = await reading.ConfigureAwait(false);
        if (packets.Stream != stream.Index)                                 // it means another stream by the first one
            packets = await PacketList.ReadAsync(tools, workspace, format, $"{stream.Index}", options, cancellationToken).ConfigureAwait(false);
        return (stream, PacketTimes.Of(packets, stream.TimeBase));
    }

    private static MediaInfo PictureInfo(MediaFormat format, ProbedStream stream, int count)
    {
        var (width, height) = Turned(stream);
        return new(format.Name, stream.Codec, width, height, null, count, count, null, 0, stream.Matrix?.Rotation ?? 0, IsPicture: true);
    }

    /// <summary>The header's word counts unless the packets end before half of what it claims, or come at quite another rate.</summary>
    private static MediaInfo VideoInfo(MediaFormat format, ProbedStream stream, PacketTimes times)
    {
        var span = times.Last - times.First;
        var rate = stream.Rate is { } claimed && times.BearOut(claimed) ? claimed : span > 0 ? Measured(times.Count - 1, span) : stream.Rate;
        var measured = span + (rate is { } known ? 1 / known.Value : 0);
        var duration = stream.DeclaredDuration is { } declared && declared <= 2 * measured ? declared : measured;
        var (width, height) = Turned(stream);
        return new(format.Name, stream.Codec, width, height, rate, stream.DeclaredFrames, times.Count, duration, times.First, stream.Matrix?.Rotation ?? 0, IsPicture: false);
    }

    private static Rational Measured(long steps, double span) => new(steps * 1000, Math.Max(1, (long)Math.Round(span * 1000)));

    private static (int Width, int Height) Turned(ProbedStream stream) =>
        stream.Matrix is { SwapsSides: true } ? (stream.CodedHeight, stream.CodedWidth) : (stream.CodedWidth, stream.CodedHeight);
}
