using System.Buffers;

namespace LlamaVid.Media;

/// <summary>One decoded frame. Its pixels are borrowed: dispose it when they have been used, and never touch them afterwards.</summary>
public sealed class VideoFrame : IDisposable
{
    private byte[]? _pixels;

    internal VideoFrame(long index, double timestamp, int width, int height, byte[] rented)
    {
        (Index, Timestamp, Width, Height, _pixels) = (index, timestamp, width, height, rented);
    }

    /// <summary>Number of the frame among all frames of the video, from 0, in the order they are shown. Those before the place where decoding began are counted by their packets.</summary>
    public long Index { get; }

    /// <summary>Seconds: the container's presentation time, as ffprobe prints it. Pictures: from 0, at the rate of the plan.</summary>
    public double Timestamp { get; }

    public int Width { get; }
    public int Height { get; }

    /// <summary>Rows from the top, pixels from the left, red green blue: <c>Width * Height * 3</c> bytes without padding.</summary>
    public ReadOnlyMemory<byte> Rgb24 => (_pixels ?? throw new ObjectDisposedException(nameof(VideoFrame))).AsMemory(0, Width * Height * 3);

    public void Dispose()
    {
        if (Interlocked.Exchange(ref _pixels, null) is { } rented)
            ArrayPool<byte>.Shared.Return(rented);
    }
}
