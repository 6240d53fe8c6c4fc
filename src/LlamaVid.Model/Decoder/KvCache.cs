using LlamaVid.Model.Weights;

namespace LlamaVid.Model.Decoder;

/// <summary>Keys and values of one sequence: one contiguous allocation per layer, where the layer lies, of exactly the positions it may need, written in place.</summary>
public sealed class KvCache : IDisposable
{
    private readonly Tensor[] _keys;                                        // per layer [Hkv, capacity, D]
    private readonly Tensor[] _values;
    private (nint Keys, nint Values)[] _addresses = [];                     // of their first values; 0 elsewhere than on the CPU

    internal KvCache(DecoderConfig config, int capacity, LayerPlaces places)
    {
        Capacity = capacity;
        var shape = new long[] { config.KvHeads, capacity, config.HiddenSize / config.Heads };
        _keys = [.. Enumerable.Range(0, config.Layers).Select(Allocate)];
        _values = [.. Enumerable.Range(0, config.Layers).Select(Allocate)];
        _addresses = [.. _keys.Zip(_values, (keys, values) => (AddressOf(keys), AddressOf(values)))];

        Tensor Allocate(int layer) => torch.empty(shape, places[layer].Dtype, places[layer].Device).DetachFromDisposeScope();
        nint AddressOf(Tensor tensor) => tensor.device_type == DeviceType.CPU ? BFloat16Lanes.Address(tensor) : 0;
    }

    /// <summary>Positions that fit.</summary>
    public int Capacity { get; }

    /// <summary>Positions that are filled.</summary>
    public int Length { get; private set; }

    /// <summary>Stores the keys and values of positions <see cref="Length"/> .. Length + S - 1 of a layer.</summary>
    /// <param name="keys">[S, Hkv, D]</param>
    /// <returns>views of all filled positions including the new ones, [Hkv, Length + S, D]</returns>
    internal (Tensor Keys, Tensor Values) Append(int layer, Tensor keys, Tensor values)
    {
        using var scope = NewDisposeScope();
        var (count, end) = (keys.shape[0], Length + keys.shape[0]);
        _keys[layer].narrow(1, Length, count).copy_(keys.transpose(0, 1));
        _values[layer].narrow(1, Length, count).copy_(values.transpose(0, 1));
        return (_keys[layer].narrow(1, 0, end).MoveToOuterDisposeScope(), _values[layer].narrow(1, 0, end).MoveToOuterDisposeScope());
    }

    /// <summary>Takes over the first positions of another sequence. This one is empty and has room for them.</summary>
    public void CopyFrom(KvCache other, int length)
    {
        if (Length > 0 || length > Math.Min(Capacity, other.Length)) throw new ArgumentOutOfRangeException(nameof(length), length, "no such beginning can be copied");
        using var scope = NewDisposeScope();
        for (var layer = 0; layer < _keys.Length; layer++)
        {
            _keys[layer].narrow(1, 0, length).copy_(other._keys[layer].narrow(1, 0, length));
            _values[layer].narrow(1, 0, length).copy_(other._values[layer].narrow(1, 0, length));
        }
        Length = length;
    }

    /// <summary>The same without operators; 16-bit values on the CPU.</summary>
    /// <param name="keys">where they lie, [S, Hkv, D]</param>
    internal unsafe void Append(int layer, nint keys, nint values, int count, int kvHeads, int size)
    {
        ObjectDisposedException.ThrowIf(_addresses.Length == 0, this);
        if (Length + count > Capacity) throw new InvalidOperationException($"The cache holds {Capacity} positions, {Length} are filled, and {count} more were to be.");
        for (var i = 0; i < count; i++)
            for (var head = 0; head < kvHeads; head++)
            {
                var (to, from) = (((long)head * Capacity + Length + i) * size, ((long)i * kvHeads + head) * size);
                new ReadOnlySpan<ushort>((ushort*)keys + from, size).CopyTo(new((ushort*)_addresses[layer].Keys + to, size));
                new ReadOnlySpan<ushort>((ushort*)values + from, size).CopyTo(new((ushort*)_addresses[layer].Values + to, size));
            }
    }

    /// <summary>Where the keys and values of a layer begin; on the CPU only.</summary>
    internal (nint Keys, nint Values) Addresses(int layer) => _addresses[layer];

    internal void Advance(int count) => Length += count;

    public void Dispose()
    {
        if (_addresses.Length == 0) return;
        _addresses = [];
        var freed = 0L;
        foreach (var tensor in _keys.Concat(_values))
        {
            if (tensor.device_type == DeviceType.CPU) freed += tensor.NumberOfElements * tensor.ElementSize;
            tensor.Dispose();
        }
        NativeHeap.Freed(freed);
    }
}
