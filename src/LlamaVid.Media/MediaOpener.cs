using System.Buffers;
using System.Security.Cryptography;
using Microsoft.Extensions.Logging;

namespace LlamaVid.Media;

/// <summary>From a source to something whose frames can be read: fetched, recognised by content, probed and held against the limits. Keeps nothing between calls.</summary>
/// <remarks>Downloads wait for nobody: a server that sends slowly on purpose keeps only its own request waiting. Looking into files is work, so only a few do it at a time.</remarks>
public sealed class MediaOpener : IDisposable
{
    private const int ProbedAtOnce = 4;

    private readonly SemaphoreSlim _places = new(ProbedAtOnce);
    private readonly MediaOptions _options;
    private readonly ILogger _logger;
    private readonly FfmpegTools _tools;
    private readonly MediaFetcher _fetcher;

    /// <exception cref="FfmpegNotFoundException">ffmpeg or ffprobe is missing</exception>
    /// <exception cref="IsolationUnavailableException">namespaces are required and there are none</exception>
    /// <exception cref="TemporaryFolderUnusableException">Media:TempDirectory cannot be written</exception>
    public MediaOpener(MediaOptions options, ILogger logger)
    {
        Workspace.Prepare(options);
        (_options, _logger) = (options, logger);
        (_tools, _fetcher) = (new(options, logger), new(options));
    }

    /// <exception cref="UnsupportedMediaException">415</exception>
    /// <exception cref="PayloadTooLargeException">413</exception>
    /// <exception cref="VideoFetchFailedException">422, as the following</exception>
    /// <exception cref="VideoUnreadableException"></exception>
    /// <exception cref="VideoTooLongException"></exception>
    /// <exception cref="VideoTooLargeException"></exception>
    public Task<OpenedMedia> OpenAsync(MediaSource source, CancellationToken cancellationToken) => OpenAsync(source, withSubtitles: false, cancellationToken);

    /// <param name="withSubtitles">reads the subtitle track that the file has itself</param>
    /// <exception cref="SubtitleTrackException">422: there is none that can be read</exception>
    public async Task<OpenedMedia> OpenAsync(MediaSource source, bool withSubtitles, CancellationToken cancellationToken)
    {
        if (withSubtitles && source is MediaSource.Pictures) throw new SubtitleTrackException("it is a list of pictures, not a file with tracks.");
        var workspace = Workspace.Create(_options);
        try
        {
            OpenedMedia opened;
            if (source is MediaSource.Pictures { Frames: var frames })
            {
                var pictures = await PictureList.BringAsync(frames, workspace, _fetcher, _options, cancellationToken).ConfigureAwait(false);
                opened = await InPlaceAsync(() => OpenPicturesAsync(pictures, workspace, cancellationToken), cancellationToken).ConfigureAwait(false);
            }
            else
            {
                var hash = await BringAsync(source, workspace, cancellationToken).ConfigureAwait(false);
                opened = await InPlaceAsync(() => OpenFileAsync(hash, workspace, withSubtitles, cancellationToken), cancellationToken).ConfigureAwait(false);
            }
            var info = opened.Info;
            _logger.MediaOpened(info.Container, info.Codec, info.Width, info.Height, info.Packets, info.Duration);
            return opened;
        }
        catch
        {
            workspace.Dispose();
            throw;
        }
    }

    public void Dispose()
    {
        _fetcher.Dispose();
        _places.Dispose();
    }

    private async Task<OpenedMedia> InPlaceAsync(Func<Task<OpenedMedia>> open, CancellationToken cancellationToken)
    {
        await _places.WaitAsync(cancellationToken).ConfigureAwait(false);
        try
        {
            return await open().ConfigureAwait(false);
        }
        finally
        {
            _places.Release();
        }
    }

    /// <summary>Brings the bytes to <see cref="Workspace.MediaPath"/>.</summary>
    /// <returns>Their hash.</returns>
    private async Task<string> BringAsync(MediaSource source, Workspace workspace, CancellationToken cancellationToken)
    {
        switch (source)
        {
            case MediaSource.Inline inline:
                CheckSize(inline.Bytes.Length);
                await WriteAsync(workspace, inline.Bytes, cancellationToken).ConfigureAwait(false);
                return Convert.ToHexStringLower(SHA256.HashData(inline.Bytes.Span));

            case MediaSource.LocalFile file:
                CheckSize(new FileInfo(file.Path).Length);
                workspace.Link(file.Path);
                if (file.ContentHash is { } known) return known;
                var content = new FileStream(workspace.MediaPath, FileMode.Open, FileAccess.Read, FileShare.Read, 1, FileOptions.Asynchronous | FileOptions.SequentialScan);
                await using (content.ConfigureAwait(false))
                    return Convert.ToHexStringLower(await SHA256.HashDataAsync(content, cancellationToken).ConfigureAwait(false));

            case MediaSource.Remote remote:
                var target = workspace.CreateMedia();
                await using (target.ConfigureAwait(false))
                    return await _fetcher.FetchAsync(remote.Url, target, cancellationToken).ConfigureAwait(false);

            default:
                throw new ArgumentException($"{source.GetType().Name} is not one file.", nameof(source));
        }
    }

    private async Task<OpenedMedia> OpenFileAsync(string contentHash, Workspace workspace, bool withSubtitles, CancellationToken cancellationToken)
    {
        var format = await SniffAsync(workspace, cancellationToken).ConfigureAwait(false);
        if (format.IsPicture)
        {
            var picture = await VideoProbe.RunAsync(_tools, workspace, format, _options, cancellationToken).ConfigureAwait(false);
            return withSubtitles
                ? throw new SubtitleTrackException("it is a picture.")
                : OpenedMedia.OfPictures(workspace, PictureInfo(format, picture, 1), contentHash, (_, _) => Task.FromResult(format), _tools, _options, _logger);
        }
        var (stream, times) = await LookIntoAsync(workspace, format, cancellationToken).ConfigureAwait(false);
        if (times.Count == 0) throw new VideoUnreadableException("its video stream holds no frames; the file is empty or was cut off before the first one.");
        var info = VideoInfo(format, stream, times);
        if (info.Duration > _options.MaxDuration.TotalSeconds) throw VideoTooLongException.OfDuration(info.Duration.Value, _options.MaxDuration);
        var video = OpenedMedia.OfVideo(workspace, info, contentHash, times, format, stream, _tools, _options, _logger);
        if (!withSubtitles) return video;
        var track = SubtitleTrack.Choose(stream.SubtitleTracks);
        return video.With(track, await SubtitleTrack.ReadAsync(_tools, workspace, format, track, _options, _logger, cancellationToken).ConfigureAwait(false));
    }

    /// <summary>Reads header and packets side by side: of a short clip, starting ffprobe takes longer than what it does.</summary>
    private async Task<(ProbedStream Stream, PacketTimes Times)> LookIntoAsync(Workspace workspace, MediaFormat format, CancellationToken cancellationToken)
    {
        using var stop = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken);
        var reading = PacketList.ReadAsync(_tools, workspace, format, PacketList.FirstVideo, _options, stop.Token);
        ProbedStream stream;
        try
        {
            stream = await VideoProbe.RunAsync(_tools, workspace, format, _options, cancellationToken).ConfigureAwait(false);
        }
        catch
        {
            await stop.CancelAsync().ConfigureAwait(false);
            await ((Task)reading).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
            throw;
        }
        var packets = await reading.ConfigureAwait(false);
        if (packets.Stream != stream.Index)                                 // it means another stream by the first one
            packets = await PacketList.ReadAsync(_tools, workspace, format, $"{stream.Index}", _options, cancellationToken).ConfigureAwait(false);
        return (stream, PacketTimes.Of(packets, stream.TimeBase));
    }

    private async Task<OpenedMedia> OpenPicturesAsync(PictureList pictures, Workspace workspace, CancellationToken cancellationToken)
    {
        var hash = await pictures.HashAsync(cancellationToken).ConfigureAwait(false);
        var format = await PutAsync(0, cancellationToken).ConfigureAwait(false);
        var first = await VideoProbe.RunAsync(_tools, workspace, format, _options, cancellationToken).ConfigureAwait(false);
        return OpenedMedia.OfPictures(workspace, PictureInfo(format, first, pictures.Count), hash, PutAsync, _tools, _options, _logger);

        async Task<MediaFormat> PutAsync(int number, CancellationToken token)
        {
            await pictures.PutAsync(number, token).ConfigureAwait(false);
            return await SniffAsync(workspace, token).ConfigureAwait(false);
        }
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

    private static async Task WriteAsync(Workspace workspace, ReadOnlyMemory<byte> bytes, CancellationToken cancellationToken)
    {
        var file = workspace.CreateMedia();
        await using (file.ConfigureAwait(false))
            await file.WriteAsync(bytes, cancellationToken).ConfigureAwait(false);
    }

    private static async Task<MediaFormat> SniffAsync(Workspace workspace, CancellationToken cancellationToken)
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

    private void CheckSize(long bytes)
    {
        if (bytes > _options.MaxBytes) throw new PayloadTooLargeException(bytes, _options.MaxBytes);
    }
}
