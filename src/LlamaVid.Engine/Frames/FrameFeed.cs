using System.Buffers;
using System.Threading.Channels;

namespace LlamaVid.Engine;

/// <summary>One media item's frames, decoded and cut to the model's square outside the engine thread, a bounded number ahead of it.</summary>
/// <remarks>The producer stops as soon as the feed is disposed; the decoder process ends with it.</remarks>
internal sealed class FrameFeed : IAsyncDisposable
{
    private readonly Channel<PreparedFrame> _frames;
    private readonly CancellationTokenSource _cancellation = new();
    private readonly Task _producer;

    /// <param name="skip">frames at the beginning that are already known</param>
    /// <param name="window">frames that may lie ready</param>
    /// <param name="arrived">called whenever a frame lies ready, and at the end</param>
    public FrameFeed(OpenedMedia media, FramePlan plan, ImagePreprocessor preprocessor, ImageFit fit, int skip, int window, Action arrived)
    {
        _frames = Channel.CreateBounded<PreparedFrame>(window);
        _producer = Task.Run(() => ProduceAsync(media, plan, preprocessor, fit, skip, arrived, _cancellation.Token));
    }

    /// <summary>Frames that lie ready.</summary>
    public int Ready => _frames.Reader.Count;

    /// <summary>All frames have been taken and no more will come.</summary>
    public bool IsEnded => _frames.Reader.Completion.IsCompleted;

    /// <summary>What the decoder failed with, after the last frame.</summary>
    public Exception? Fault => _frames.Reader.Completion.Exception?.InnerException;

    public bool TryTake(out PreparedFrame frame) => _frames.Reader.TryRead(out frame);

    /// <summary>Stops decoding and completes when the decoder process is gone.</summary>
    public async ValueTask DisposeAsync()
    {
        await _cancellation.CancelAsync();
        await _producer;
        while (_frames.Reader.TryRead(out var frame)) frame.Return();
        _cancellation.Dispose();
    }

    private async Task ProduceAsync(OpenedMedia media, FramePlan plan, ImagePreprocessor preprocessor, ImageFit fit, int skip, Action arrived, CancellationToken cancelled)
    {
        try
        {
            await foreach (var decoded in media.ReadFramesAsync(plan, cancelled))
            {
                using var frame = decoded;
                if (skip-- > 0) continue;
                var prepared = PreparedFrame.Rent(frame, 3 * preprocessor.ImageSize * preprocessor.ImageSize);
                preprocessor.Prepare(frame.Rgb24.Span, frame.Width, frame.Height, fit, prepared.Pixels);
                await _frames.Writer.WriteAsync(prepared, cancelled);
                arrived();
            }
            _frames.Writer.Complete();
        }
        catch (Exception fault)
        {
            _frames.Writer.Complete(fault);
        }
        arrived();
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
