using System.Threading.Channels;
using TorchSharp;

namespace LlamaVid.Engine;

/// <summary>Features from a file, read and checked outside the engine thread. Where the file turns out damaged, the tower computes the rest.</summary>
internal sealed class StoredFeatures : IFeatureSource
{
    private readonly StoredFile _file;
    private readonly torch.Device _device;
    private readonly Func<int, IFeatureSource> _fallback;
    private readonly Action<Exception> _damaged;
    private readonly Channel<byte[]> _chunks = Channel.CreateBounded<byte[]>(2);
    private readonly CancellationTokenSource _cancellation = new();
    private readonly Task _reader;

    private IFeatureSource? _rest;
    private int _taken;

    /// <param name="fallback">makes a source that begins with the frame of this number</param>
    /// <param name="damaged">told once when the file cannot be used to its end</param>
    /// <param name="arrived">called whenever frames lie ready, and at the end</param>
    public StoredFeatures(StoredFile file, torch.Device device, Func<int, IFeatureSource> fallback, Action<Exception> damaged, Action arrived)
    {
        (_file, _device, _fallback, _damaged) = (file, device, fallback, damaged);
        _reader = Task.Run(() => ReadAsync(arrived));
    }

    /// <summary>No frame had to be computed so far.</summary>
    public bool IsIntact => _rest is null;

    public int Ready => Rest()?.Ready ?? _chunks.Reader.Count;

    public bool IsEnded => Rest()?.IsEnded ?? _chunks.Reader.Completion.IsCompletedSuccessfully;

    public Exception? Fault => _rest?.Fault;

    /// <remarks>A chunk of the file is taken whole, whatever the count: it costs a copy and no computing.</remarks>
    public FeatureBatch Take(int count)
    {
        if (_rest is not null) return _rest.Take(count);

        _chunks.Reader.TryRead(out var values);
        var frames = values!.Length / (int)(_file.Shape[1] * _file.Shape[2] * _file.Dtype.ElementSize());
        using var host = torch.empty([frames, _file.Shape[1], _file.Shape[2]], _file.Dtype);
        host.bytes = values;
        var timestamps = _file.Timestamps.Skip(_taken).Take(frames).ToArray();
        _taken += frames;
        return new(host.to(_device, copy: true), timestamps, _file.FrameSize);
    }

    public async ValueTask DisposeAsync()
    {
        await _cancellation.CancelAsync();
        await _reader;
        _cancellation.Dispose();
        _file.Dispose();
        if (_rest is not null) await _rest.DisposeAsync();
    }

    /// <summary>What computes the frames that the file could not give; null while it can.</summary>
    private IFeatureSource? Rest()
    {
        if (_rest is null && _chunks.Reader.Completion is { IsFaulted: true, Exception.InnerException: { } fault } && !_cancellation.IsCancellationRequested)
        {
            _damaged(fault);
            _rest = _fallback(_taken);
        }
        return _rest;
    }

    private async Task ReadAsync(Action arrived)
    {
        try
        {
            for (var chunk = 0; chunk < _file.Chunks; chunk++)
            {
                await _chunks.Writer.WriteAsync(await _file.ReadChunkAsync(chunk, _cancellation.Token), _cancellation.Token);
                arrived();
            }
            _chunks.Writer.Complete();
        }
        catch (Exception fault)
        {
            _chunks.Writer.Complete(fault);
        }
        arrived();
    }
}
