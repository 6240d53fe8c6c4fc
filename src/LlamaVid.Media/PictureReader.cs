using Microsoft.Extensions.Logging;

namespace LlamaVid.Media;

/// <summary>Decodes the one picture in a workspace, turned as its EXIF says. The size is that of the picture itself, not of an earlier probe.</summary>
internal sealed class PictureReader(FfmpegTools tools, Workspace workspace, MediaOptions options, ILogger logger)
{
    /// <exception cref="VideoUnreadableException">Nothing could be decoded.</exception>
    public async Task<VideoFrame> ReadAsync(MediaFormat format, long index, double timestamp, CancellationToken cancellationToken)
    {
        using var stop = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken);
        stop.CancelAfter(options.DecodeTimeout);
        var run = FfmpegRun.Start(tools, workspace, $"-threads 1 {tools.DecoderGuards(format)}", sockets: 1,
            _ => "-map 0:v:0 -frames:v 1 -c:v ppm -pix_fmt rgb24 -f image2pipe -y", logger);
        await using var _ = run.ConfigureAwait(false);
        try
        {
            if (await run.AcceptAsync(0, stop.Token).ConfigureAwait(false) is not { } socket) throw Unreadable(index);
            var pictures = new PpmStream(socket, options.MaxPixels);
            await using (pictures.ConfigureAwait(false))
                return await pictures.ReadAsync(index, timestamp, stop.Token).ConfigureAwait(false) ?? throw Unreadable(index);
        }
        catch (OperationCanceledException) when (!cancellationToken.IsCancellationRequested)
        {
            throw new VideoUnreadableException($"decoding picture {index + 1} took longer than {options.DecodeTimeout.TotalSeconds:0.#} s (Media:DecodeTimeout).");
        }
    }

    private static VideoUnreadableException Unreadable(long index) =>
        new($"picture {index + 1} could not be decoded; it is damaged or uses an encoding that is not known here. Send it as JPEG or PNG.");
}
