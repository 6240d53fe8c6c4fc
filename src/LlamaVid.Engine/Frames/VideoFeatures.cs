using TorchSharp;
using static TorchSharp.torch;

namespace LlamaVid.Engine;

/// <summary>The vision tower's output for one video under one sampling, growing while its frames come. Every sequence that asks about the video reads the same one.</summary>
/// <remarks>Engine thread only. It knows no question: what is kept here serves every question.</remarks>
internal sealed class VideoFeatures : IDisposable
{
    private readonly List<(int First, Tensor Rows)> _chunks = [];
    private readonly List<double> _timestamps = [];
    private readonly OpenedMedia _opened;
    private readonly FeatureWriter? _writer;
    private readonly bool _isKept;

    private IFeatureSource? _source;

    /// <param name="opened">what the source reads; closed with it</param>
    /// <param name="expectedBytes">what it will hold when all planned frames have come</param>
    /// <param name="isKept">false: features go as soon as its only reader has read them, because all of them would be too large to keep</param>
    /// <param name="writer">takes a copy to the disk; null for none</param>
    public VideoFeatures(FeatureKey key, OpenedMedia opened, IFeatureSource source, long expectedBytes, bool isKept, FeatureWriter? writer = null) =>
        (Key, _opened, _source, Bytes, _isKept, _writer) = (key, opened, source, expectedBytes, isKept, writer);

    public FeatureKey Key { get; }

    /// <summary>What it holds, or will hold.</summary>
    public long Bytes { get; }

    /// <summary>Sequences that read it now.</summary>
    public int Readers { get; set; }

    /// <summary>All of it so far came from the disk: the tower did not run.</summary>
    public bool IsStored { get; private set; }

    /// <summary>Frames whose features are there.</summary>
    public int Encoded { get; private set; }

    /// <summary>Frames that wait for <see cref="Encode"/>.</summary>
    public int Ready => _source?.Ready ?? 0;

    /// <summary>All frames have come.</summary>
    public bool IsComplete => _source is null;

    /// <summary>Seconds, one per encoded frame.</summary>
    public IReadOnlyList<double> Timestamps => _timestamps;

    /// <summary>Size of the first frame before it was cut, in pixels.</summary>
    public (int Width, int Height) FrameSize { get; private set; }

    /// <summary>Looks whether the source has come to its end.</summary>
    /// <exception cref="Exception">what it failed with</exception>
    public void Settle()
    {
        if (_source is not { IsEnded: true } ended) return;
        if (ended.Fault is { } fault) throw fault;
        _writer?.Complete(_timestamps, FrameSize);
        CloseSource();
    }

    /// <summary>Takes the next frames, which lie ready, through the tower.</summary>
    public void Encode(int count)
    {
        var batch = _source!.Take(count);
        if (Encoded == 0) FrameSize = batch.FrameSize;
        _timestamps.AddRange(batch.Timestamps);
        _chunks.Add((Encoded, batch.Features.DetachFromDisposeScope()));
        Encoded += batch.Timestamps.Count;
        IsStored = _source is StoredFeatures { IsIntact: true };
        _writer?.Append(batch.Features);
    }

    /// <summary>Encoded frames from <paramref name="first"/> on, however few of them came at a time.</summary>
    /// <returns>[count, N, C]: a view where they lie in one chunk, else a copy; of the caller's dispose scope</returns>
    public Tensor Read(int first, int count)
    {
        var parts = new List<Tensor>();
        for (var (chunk, end) = (_chunks.FindLastIndex(chunk => chunk.First <= first), first + count); first < end; chunk++)
        {
            var (start, rows) = _chunks[chunk];
            var length = Math.Min(end - first, (int)rows.shape[0] - (first - start));
            parts.Add(rows.narrow(0, first - start, length));
            first += length;
        }
        return parts.Count == 1 ? parts[0] : cat([.. parts], 0);
    }

    /// <summary>Its reader has read everything before frame <paramref name="first"/>.</summary>
    public void HasRead(int first)
    {
        if (_isKept) return;
        while (_chunks.Count > 0 && _chunks[0].First + _chunks[0].Rows.shape[0] <= first)
        {
            _chunks[0].Rows.Dispose();
            _chunks.RemoveAt(0);
        }
    }

    public void Dispose()
    {
        if (!IsComplete) _writer?.Abandon();
        CloseSource();
        foreach (var (_, rows) in _chunks) rows.Dispose();
        _chunks.Clear();
    }

    private void CloseSource()
    {
        if (_source is null) return;
        _source.DisposeAsync().AsTask().GetAwaiter().GetResult();
        _opened.DisposeAsync().AsTask().GetAwaiter().GetResult();
        _source = null;
    }
}

/// <summary>Where features come from, in order: frames through the tower, or a file.</summary>
internal interface IFeatureSource : IAsyncDisposable
{
    /// <summary>Frames that can be taken without waiting.</summary>
    int Ready { get; }

    /// <summary>Everything has been taken.</summary>
    bool IsEnded { get; }

    Exception? Fault { get; }

    /// <summary>The next frames, at most <paramref name="count"/> and at least one; engine thread only.</summary>
    FeatureBatch Take(int count);
}

/// <param name="Features">[t, N, C]</param>
/// <param name="Timestamps">seconds, one per frame</param>
/// <param name="FrameSize">of the first frame before it was cut, in pixels</param>
internal readonly record struct FeatureBatch(Tensor Features, IReadOnlyList<double> Timestamps, (int Width, int Height) FrameSize);
