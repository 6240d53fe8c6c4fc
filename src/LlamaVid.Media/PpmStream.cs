using System.Buffers;
using System.Globalization;
using System.Text;

namespace LlamaVid.Media;

/// <summary>Reads pictures off a stream of binary PPM: raw RGB24 behind a header that tells each one's true size. Knows nothing of time.</summary>
internal sealed class PpmStream(Stream source, int maxPixels) : IAsyncDisposable
{
    private const int MaxHeaderBytes = 64;
    private readonly byte[] _header = new byte[MaxHeaderBytes];

    /// <returns>Null at the end, also when it comes in the middle of a picture.</returns>
    /// <exception cref="VideoTooLargeException">More pixels than allowed.</exception>
    public async Task<VideoFrame?> ReadAsync(long index, double timestamp, CancellationToken cancellationToken)
    {
        if (await ReadHeaderAsync(cancellationToken).ConfigureAwait(false) is not var (width, height)) return null;
        if ((long)width * height > maxPixels) throw VideoTooLargeException.OfPixels(width, height, maxPixels);

        var size = width * height * 3;
        var rented = ArrayPool<byte>.Shared.Rent(size);
        var frame = new VideoFrame(index, timestamp, width, height, rented);
        var whole = false;
        try
        {
            var read = await source.ReadAtLeastAsync(rented.AsMemory(0, size), size, throwOnEndOfStream: false, cancellationToken).ConfigureAwait(false);
            whole = read == size;
            return whole ? frame : null;
        }
        finally
        {
            if (!whole) frame.Dispose();
        }
    }

    public ValueTask DisposeAsync() => source.DisposeAsync();

    // P6 \n width height \n 255 \n
    private async Task<(int Width, int Height)?> ReadHeaderAsync(CancellationToken cancellationToken)
    {
        for (int length = 0, newlines = 0; length < MaxHeaderBytes; length++)
        {
            if (await source.ReadAsync(_header.AsMemory(length, 1), cancellationToken).ConfigureAwait(false) == 0) return null;
            if (_header[length] != '\n' || ++newlines < 3) continue;
            if (Encoding.ASCII.GetString(_header, 0, length).Split([' ', '\n']) is ["P6", var width, var height, "255"])
                return (int.Parse(width, CultureInfo.InvariantCulture), int.Parse(height, CultureInfo.InvariantCulture));
            break;
        }
        throw new InvalidDataException("ffmpeg wrote something that is not a PPM header.");
    }
}
