using System.Buffers;

namespace LlamaVid.Engine;

/// <summary>Features from the vision tower: decoded frames in, one pass for each batch.</summary>
internal sealed class TowerFeatures(LlamaVidModel model, FrameFeed feed) : IFeatureSource
{
    private readonly int _size = 3 * model.Preprocessor!.ImageSize * model.Preprocessor.ImageSize;

    public int Ready => feed.Ready;
    public bool IsEnded => feed.IsEnded;
    public Exception? Fault => feed.Fault;

    public FeatureBatch Take(int count)
    {
        var crops = ArrayPool<byte>.Shared.Rent(count * _size);
        try
        {
            var timestamps = new List<double>(count);
            (int, int) size = default;
            while (timestamps.Count < count && feed.TryTake(out var frame))
            {
                if (timestamps.Count == 0) size = (frame.Width, frame.Height);
                frame.Pixels.CopyTo(crops.AsSpan(timestamps.Count * _size));
                timestamps.Add(frame.Seconds);
                frame.Return();
            }
            return new(model.EncodeFrames(crops.AsSpan(0, timestamps.Count * _size), timestamps.Count), timestamps, size);
        }
        finally
        {
            ArrayPool<byte>.Shared.Return(crops);
        }
    }

    public ValueTask DisposeAsync() => feed.DisposeAsync();
}
