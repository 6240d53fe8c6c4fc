using System.Security.Cryptography;
using System.Threading.Channels;
using TorchSharp;

namespace LlamaVid.Engine;

/// <summary>Writes the features of one video to a file while they are computed, on a thread of its own. It never waits and never fails its caller.</summary>
/// <remarks>Room for the header is left at the beginning; it is filled when everything else is written, so an unfinished file is no file of features.</remarks>
internal sealed class FeatureWriter
{
    private const int ChunksAhead = 8;

    private readonly Channel<torch.Tensor> _chunks = Channel.CreateBounded<torch.Tensor>(ChunksAhead);
    private readonly TaskCompletionSource<(IReadOnlyList<double> Timestamps, (int, int) FrameSize)> _completed = new();
    private readonly int _headerRoom;

    /// <param name="finished">the file is complete and closed</param>
    /// <param name="failed">the disk did not take it; the file is gone</param>
    /// <exception cref="IOException">the file cannot be made</exception>
    public FeatureWriter(string path, long expectedFrames, Action finished, Action<Exception> failed)
    {
        _headerRoom = StoredFile.HeaderRoom(expectedFrames);
        var stream = new FileStream(path, FileMode.CreateNew, FileAccess.Write, FileShare.None, bufferSize: 0);
        Written = Task.Run(() => WriteAsync(stream, finished, failed));
    }

    /// <summary>Completes when the file is there, or is given up.</summary>
    public Task Written { get; }

    /// <param name="features">[t, N, C]; stays the caller's</param>
    public void Append(torch.Tensor features)
    {
        var copy = features.cpu().alias().DetachFromDisposeScope();
        if (_chunks.Writer.TryWrite(copy)) return;
        copy.Dispose();
        Abandon();                                                          // the disk is slower than the tower, and memory is not for waiting
    }

    public void Complete(IReadOnlyList<double> timestamps, (int, int) frameSize)
    {
        _completed.TrySetResult((timestamps, frameSize));
        _chunks.Writer.TryComplete();
    }

    public void Abandon()
    {
        _completed.TrySetCanceled();
        _chunks.Writer.TryComplete();
    }

    private async Task WriteAsync(FileStream stream, Action finished, Action<Exception> failed)
    {
        try
        {
            await using (stream)
                await FillAsync(stream);
            finished();
        }
        catch (Exception fault)
        {
            _completed.TrySetCanceled();
            _chunks.Writer.TryComplete();
            while (_chunks.Reader.TryRead(out var left)) left.Dispose();
            if (FeatureStore.IsOfTheDisk(fault)) failed(fault);
            File.Delete(stream.Name);
        }
    }

    private async Task FillAsync(FileStream stream)
    {
        var chunks = new List<(int Frames, string Checksum)>();
        (torch.ScalarType Dtype, long Rows, long Width) shape = default;
        stream.Position = _headerRoom;
        await foreach (var chunk in _chunks.Reader.ReadAllAsync())
        {
            using var owned = chunk;
            var values = chunk.bytes.ToArray();
            shape = (chunk.dtype, chunk.shape[1], chunk.shape[2]);
            chunks.Add(((int)chunk.shape[0], Convert.ToHexStringLower(SHA256.HashData(values))));
            await stream.WriteAsync(values);
        }
        var (timestamps, frameSize) = await _completed.Task;
        var header = StoredFile.Header(_headerRoom, shape.Dtype, [timestamps.Count, shape.Rows, shape.Width], timestamps, frameSize, chunks)
            ?? throw new IOException("more frames came than there is room for in the header");
        stream.Position = 0;
        await stream.WriteAsync(header);
        stream.Flush(flushToDisk: true);
    }
}
