using System.Security.Cryptography;
using Microsoft.Extensions.Logging;

namespace LlamaVid.Media;

/// <summary>From a source to something whose frames can be read: fetched, recognised by content, looked into unless it is known, and held against the limits.</summary>
/// <remarks>
/// Downloads wait for nobody: a server that sends slowly on purpose keeps only its own request waiting. The hash is that of all bytes as they lie in the workspace,
/// computed here or while they were written, before anything is looked up by it.
/// </remarks>
public sealed class MediaOpener : IDisposable
{
    private readonly MediaOptions _options;
    private readonly ILogger _logger;
    private readonly FfmpegTools _tools;
    private readonly MediaFetcher _fetcher;
    private readonly MediaLook _look;
    private readonly KnownMedia _known;

    /// <exception cref="FfmpegNotFoundException">ffmpeg or ffprobe is missing</exception>
    /// <exception cref="IsolationUnavailableException">namespaces are required and there are none</exception>
    /// <exception cref="TemporaryFolderUnusableException">Media:TempDirectory cannot be written</exception>
    public MediaOpener(MediaOptions options, ILogger logger)
    {
        Workspace.Prepare(options);
        (_options, _logger) = (options, logger);
        (_tools, _fetcher) = (new(options, logger), new(options));
        (_look, _known) = (new(_tools, options, logger), new((long)options.KnownMegabytes << 20));
    }

    /// <summary>What has been found so far and how often that saved looking again.</summary>
    public MediaKnowledge Knowledge => _known.Knowledge;

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
            var opened = source is MediaSource.Pictures { Frames: var frames }
                ? await OpenPicturesAsync(await PictureList.BringAsync(frames, workspace, _fetcher, _options, cancellationToken).ConfigureAwait(false), workspace, cancellationToken).ConfigureAwait(false)
                : await OpenFileAsync(await BringAsync(source, workspace, cancellationToken).ConfigureAwait(false), workspace, withSubtitles, cancellationToken).ConfigureAwait(false);
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
        _look.Dispose();
        _known.Dispose();
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
        var file = await _known.FindAsync(new(contentHash, MediaAspect.File), () => _look.IntoFileAsync(workspace, cancellationToken), cancellationToken).ConfigureAwait(false);
        if (file.Times is not { } times)
            return withSubtitles
                ? throw new SubtitleTrackException("it is a picture.")
                : OpenedMedia.OfPictures(workspace, file.Info, contentHash, (_, _) => Task.FromResult(file.Format), _tools, _options, _logger);
        if (file.Info.Duration > _options.MaxDuration.TotalSeconds) throw VideoTooLongException.OfDuration(file.Info.Duration.Value, _options.MaxDuration);
        var video = OpenedMedia.OfVideo(workspace, file.Info, contentHash, times, file.Format, file.Stream, _tools, _options, _logger);
        if (!withSubtitles) return video;
        var said = await _known.FindAsync(new(contentHash, MediaAspect.Subtitles), () => _look.IntoSubtitlesAsync(file, workspace, cancellationToken), cancellationToken).ConfigureAwait(false);
        return video.With(said.Track, said.Lines);
    }

    private async Task<OpenedMedia> OpenPicturesAsync(PictureList pictures, Workspace workspace, CancellationToken cancellationToken)
    {
        var hash = await pictures.HashAsync(cancellationToken).ConfigureAwait(false);
        var first = await _known.FindAsync(new(hash, MediaAspect.Pictures), () => _look.IntoPicturesAsync(pictures, workspace, cancellationToken), cancellationToken).ConfigureAwait(false);
        return OpenedMedia.OfPictures(workspace, first.Info, hash, PutAsync, _tools, _options, _logger);

        async Task<MediaFormat> PutAsync(int number, CancellationToken token)
        {
            await pictures.PutAsync(number, token).ConfigureAwait(false);
            return await MediaLook.SniffAsync(workspace, token).ConfigureAwait(false);
        }
    }

    private static async Task WriteAsync(Workspace workspace, ReadOnlyMemory<byte> bytes, CancellationToken cancellationToken)
    {
        var file = workspace.CreateMedia();
        await using (file.ConfigureAwait(false))
            await file.WriteAsync(bytes, cancellationToken).ConfigureAwait(false);
    }

    private void CheckSize(long bytes)
    {
        if (bytes > _options.MaxBytes) throw new PayloadTooLargeException(bytes, _options.MaxBytes);
    }
}
