using System.Buffers;
using System.Globalization;
using System.Text;
using Microsoft.Extensions.Logging;

namespace LlamaVid.Media;

/// <summary>Decodes the one picture in a workspace, turned as its EXIF says. The size is that of the picture itself, not of an earlier probe.</summary>
internal sealed class PictureReader(FfmpegTools tools, Workspace workspace, MediaOptions options, ILogger logger)
{
    private const int MaxHeaderBytes = 64;

    /// <exception cref="VideoUnreadableException">Nothing could be decoded.</exception>
    public async Task<VideoFrame> ReadAsync(MediaFormat format, long index, CancellationToken cancellationToken)
    {
        using var stop = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken);
        stop.CancelAfter(options.DecodeTimeout);
        // PPM is raw RGB behind a header with the size.
        var run = FfmpegRun.Start(tools, workspace, $"-threads 1 {tools.InputGuards(format)}", sockets: 1,
            _ => "-map 0:v:0 -frames:v 1 -c:v ppm -pix_fmt rgb24 -f image2pipe -y", logger);
        await using var _ = run.ConfigureAwait(false);
        try
        {
            var ppm = await run.AcceptAsync(0, stop.Token).ConfigureAwait(false) ?? throw Unreadable(index);
            await using var closing = ppm.ConfigureAwait(false);

            var (width, height) = await ReadHeaderAsync(ppm, stop.Token).ConfigureAwait(false) ?? throw Unreadable(index);
            if ((long)width * height > options.MaxPixels) throw VideoTooLargeException.OfPixels(width, height, options.MaxPixels);
            var size = width * height * 3;
            var rented = ArrayPool<byte>.Shared.Rent(size);
            var frame = new VideoFrame(index, index, width, height, rented);
            if (await ReadAtLeastOrDisposeAsync(ppm, rented.AsMemory(0, size), frame, stop.Token).ConfigureAwait(false) == size) return frame;
            frame.Dispose();
            throw Unreadable(index);
        }
        catch (OperationCanceledException) when (!cancellationToken.IsCancellationRequested)
        {
            throw new VideoUnreadableException($"decoding picture {index + 1} took longer than {options.DecodeTimeout.TotalSeconds:0.#} s (Media:DecodeTimeout).");
        }
    }

    private static async Task<int> ReadAtLeastOrDisposeAsync(Stream source, Memory<byte> target, VideoFrame frame, CancellationToken cancellationToken)
    {
        try
        {
            return await source.ReadAtLeastAsync(target, target.Length, throwOnEndOfStream: false, cancellationToken).ConfigureAwait(false);
        }
        catch
        {
            frame.Dispose();
            throw;
        }
    }

    // P6 \n width height \n 255 \n
    private static async Task<(int Width, int Height)?> ReadHeaderAsync(Stream ppm, CancellationToken cancellationToken)
    {
        var header = new byte[MaxHeaderBytes];
        for (int length = 0, newlines = 0; length < MaxHeaderBytes; length++)
        {
            if (await ppm.ReadAsync(header.AsMemory(length, 1), cancellationToken).ConfigureAwait(false) == 0) return null;
            if (header[length] != '\n' || ++newlines < 3) continue;
            var words = Encoding.ASCII.GetString(header, 0, length).Split([' ', '\n']);
            return words is ["P6", var width, var height, "255"]
                ? (int.Parse(width, CultureInfo.InvariantCulture), int.Parse(height, CultureInfo.InvariantCulture))
                : null;
        }
        return null;
    }

    private static VideoUnreadableException Unreadable(long index) =>
        new($"picture {index + 1} could not be decoded; it is damaged or uses an encoding that is not known here. Send it as JPEG or PNG.");
}
