using System.Runtime.CompilerServices;
using Microsoft.Extensions.Logging;

namespace LlamaVid.Media;

/// <summary>A video or pictures that have been looked into and can be read, more than once if need be. Owns its temporary files until disposed.</summary>
public sealed class OpenedMedia : IAsyncDisposable
{
    private readonly Workspace _workspace;
    private readonly PacketTimes? _times;
    private readonly int _maxFrames;
    private readonly Func<FramePlan, CancellationToken, IAsyncEnumerable<VideoFrame>> _read;

    private OpenedMedia(Workspace workspace, MediaInfo info, string contentHash, PacketTimes? times, int maxFrames,
        Func<FramePlan, CancellationToken, IAsyncEnumerable<VideoFrame>> read)
    {
        (_workspace, Info, ContentHash, _times, _maxFrames, _read) = (workspace, info, contentHash, times, maxFrames, read);
    }

    public MediaInfo Info { get; }

    /// <summary>SHA-256 of the bytes, lower-case hexadecimal. The same bytes have the same hash however they arrived.</summary>
    public string ContentHash { get; }

    /// <summary>What the file itself says is said; null unless it was asked for.</summary>
    public IReadOnlyList<SubtitleLine>? Subtitles { get; private init; }

    /// <summary>Where the file says it.</summary>
    public ProbedTrack? SubtitleTrack { get; private init; }

    /// <summary>Which frames <paramref name="sampling"/> takes of this video. Of pictures all are taken that lie in the range: they were chosen already, and the rate says when each was.</summary>
    /// <exception cref="VideoTooLongException">More frames than Media:MaxFrames.</exception>
    /// <exception cref="VideoUnreadableException">No frame lies in the range.</exception>
    /// <exception cref="ArgumentOutOfRangeException">A number that makes no sense; the caller checks its own input before.</exception>
    public FramePlan Plan(FrameSampling sampling)
    {
        if (_times is null)
        {
            var rate = sampling.FramesPerSecond ?? FrameSampling.DefaultFramesPerSecond;
            var within = Enumerable.Range(0, (int)Info.Packets).Count(number => IsWithin(number / rate, sampling.Start, sampling.End));
            var pictures = FramePlan.Make(sampling, rate: null, within, _maxFrames) with { PictureRate = rate };
            return pictures.Candidates == 0 ? throw EmptyRange(pictures) : pictures;
        }
        var plan = FramePlan.Make(sampling, Info.AverageRate, _times.CountWithin(sampling.Start, sampling.End), _maxFrames);
        if (plan.Candidates == 0) throw EmptyRange(plan);
        return sampling.KeyFrames is true ? plan with { KeyFrames = _times.NearestKeyFrames(plan) } : plan;
    }

    /// <summary>Decodes the video once and yields the frames of the plan in order. One is read ahead and no more are held. Each is the caller's to dispose.</summary>
    /// <exception cref="VideoUnreadableException">Nothing could be decoded, or decoding stood still. A file that breaks off midway yields what it has.</exception>
    /// <exception cref="VideoTooLongException">The file had more frames than it promised, and more than the limit.</exception>
    public async IAsyncEnumerable<VideoFrame> ReadFramesAsync(FramePlan plan, [EnumeratorCancellation] CancellationToken cancellationToken = default)
    {
        var any = false;
        await foreach (var frame in _read(plan, cancellationToken).WithCancellation(cancellationToken).ConfigureAwait(false))
        {
            any = true;
            yield return frame;
        }
        cancellationToken.ThrowIfCancellationRequested();
        if (!any)
            throw plan.Start is null && plan.End is null
                ? new VideoUnreadableException("not one frame could be decoded; it is damaged, encrypted, or uses an encoding that is not known here.")
                : EmptyRange(plan);
    }

    public ValueTask DisposeAsync()
    {
        _workspace.Dispose();
        return ValueTask.CompletedTask;
    }

    internal static OpenedMedia OfVideo(
        Workspace workspace, MediaInfo info, string contentHash, PacketTimes times, MediaFormat format, ProbedStream stream,
        FfmpegTools tools, MediaOptions options, ILogger logger) =>
        new(workspace, info, contentHash, times, options.MaxFrames, new FrameReader(tools, workspace, format, stream, times, options, logger).ReadAsync);

    /// <returns>the same media, in whose place it stands: they own one workspace</returns>
    internal OpenedMedia With(ProbedTrack track, IReadOnlyList<SubtitleLine> subtitles) =>
        new(_workspace, Info, ContentHash, _times, _maxFrames, _read) { SubtitleTrack = track, Subtitles = subtitles };

    /// <param name="picture">Puts picture number i into the workspace and says what it is.</param>
    internal static OpenedMedia OfPictures(
        Workspace workspace, MediaInfo info, string contentHash, Func<int, CancellationToken, Task<MediaFormat>> picture, FfmpegTools tools, MediaOptions options, ILogger logger)
    {
        var reader = new PictureReader(tools, workspace, options, logger);
        return new(workspace, info, contentHash, times: null, options.MaxFrames, ReadAsync);

        async IAsyncEnumerable<VideoFrame> ReadAsync(FramePlan plan, [EnumeratorCancellation] CancellationToken cancellationToken)
        {
            var (rate, number) = (plan.PictureRate ?? FrameSampling.DefaultFramesPerSecond, 0L);
            for (var i = 0; i < info.Packets; i++)
                if (IsWithin(i / rate, plan.Start, plan.End) && plan.Takes(number++))
                    yield return await reader.ReadAsync(await picture(i, cancellationToken).ConfigureAwait(false), i, i / rate, cancellationToken).ConfigureAwait(false);
        }
    }

    private static bool IsWithin(double time, double? start, double? end) => !(time < start || time >= end);

    private VideoUnreadableException EmptyRange(FramePlan plan) => new(
        $"no frame lies between start={plan.Start?.ToString("0.###") ?? "(none)"} and end={plan.End?.ToString("0.###") ?? "(none)"} s; " +
        $"its frames run from {_times?.First ?? 0:0.###} to {_times?.Last ?? (Info.Packets - 1) / plan.PictureRate:0.###} s. Choose a range within.");
}
