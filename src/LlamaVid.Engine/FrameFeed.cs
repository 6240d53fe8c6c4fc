using System.Buffers;
using System.Threading.Channels;

namespace LlamaVid.Engine;

/// <summary>One media item's frames, decoded and cut to the model's square outside the engine thread, a bounded number ahead of it.</summary>
/// <remarks>The producer stops as soon as the feed is disposed; the decoder process ends with it.</remarks>
internal sealed class FrameFeed : IDisposable
{
    private readonly Channel<PreparedFrame> _frames;
    private readonly CancellationTokenSource _cancellation;
    private readonly Task _producer;

    public FrameFeed(SequenceMedia media, ImagePreprocessor preprocessor, ImageFit fit, int window, CancellationToken cancelled)
    {
        _frames = Channel.CreateBounded<PreparedFrame>(window);
        _cancellation = CancellationTokenSource.CreateLinkedTokenSource(cancelled);
        _producer = Task.Run(() => ProduceAsync(media, preprocessor, fit, _cancellation.Token), CancellationToken.None);
    }

    /// <summary>Blocks until a frame is there; null after the last one.</summary>
    /// <exception cref="Exception">what the decoder failed with</exception>
    public PreparedFrame? Take()
    {
        if (_frames.Reader.TryRead(out var ready)) return ready;
        try
        {
            return _frames.Reader.ReadAsync(CancellationToken.None).AsTask().GetAwaiter().GetResult();
        }
        catch (ChannelClosedException closed)
        {
            return closed.InnerException is null ? null : throw closed.InnerException;
        }
    }

    /// <summary>Stops decoding and waits until the decoder process is gone.</summary>
    public void Dispose()
    {
        _cancellation.Cancel();
        _producer.GetAwaiter().GetResult();
        _cancellation.Dispose();
    }

    private async Task ProduceAsync(SequenceMedia media, ImagePreprocessor preprocessor, ImageFit fit, CancellationToken cancelled)
    {
        try
        {
            await foreach (var decoded in media.Opened.ReadFramesAsync(media.Plan, cancelled))
            {
                using var frame = decoded;
                var prepared = PreparedFrame.Rent(frame, 3 * preprocessor.ImageSize * preprocessor.ImageSize);
                preprocessor.Prepare(frame.Rgb24.Span, frame.Width, frame.Height, fit, prepared.Pixels);
                await _frames.Writer.WriteAsync(prepared, cancelled);
            }
            _frames.Writer.Complete();
        }
        catch (Exception fault)
        {
            _frames.Writer.Complete(fault);
        }
    }
}

/// <summary>A frame as the model takes it: planar 8-bit RGB [3, S, S], in a pooled buffer.</summary>
/// <param name="Seconds">the frame's time in the video</param>
/// <param name="Width">of the frame before it was cut, in pixels</param>
internal readonly record struct PreparedFrame(double Seconds, int Width, int Height, ArraySegment<byte> Buffer)
{
    public Span<byte> Pixels => Buffer;

    public static PreparedFrame Rent(VideoFrame frame, int length) =>
        new(frame.Timestamp, frame.Width, frame.Height, new(ArrayPool<byte>.Shared.Rent(length), 0, length));

    public void Return() => ArrayPool<byte>.Shared.Return(Buffer.Array!);
}
