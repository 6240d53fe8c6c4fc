namespace LlamaVid.Model.Decoder;

/// <summary>Rows of several sequences, one after the other; those of a sequence look at what its cache holds and at themselves. What inference computes.</summary>
/// <remarks>One pass through all layers; the masks belong to the dispose scope in which it is made or moved.</remarks>
internal sealed class CachedAttention(IReadOnlyList<SequenceChunk> chunks, int queriesPerKey, Device device) : RowAttention
{
    private readonly Tensor?[] _masks = [.. chunks.Select(chunk => chunk.Rows == 1 ? null : CausalMask(chunk.Cache.Length, chunk.Rows, queriesPerKey, device))];

    private readonly bool _isDecoding = chunks.All(chunk => chunk.Rows == 1);

    public override void MoveTo(Device device)
    {
        for (var i = 0; i < _masks.Length; i++) _masks[i] = _masks[i]?.to(device);
    }

    public override Tensor Attend(int layer, Tensor q, Tensor k, Tensor v)
    {
        if (_isDecoding && BFloat16Lanes.Fit(q, q.shape[2])) return AttendRows(layer, q, k, v);
        if (chunks.Count == 1) return Attend(layer, chunks[0].Cache, _masks[0], q, k, v);

        using var scope = NewDisposeScope();
        var (seen, row) = (new List<Tensor>(chunks.Count), 0);
        for (var i = 0; i < chunks.Count; row += chunks[i++].Rows)
        {
            var count = chunks[i].Rows;
            seen.Add(Attend(layer, chunks[i].Cache, _masks[i], q.narrow(0, row, count), k.narrow(0, row, count), v.narrow(0, row, count)));
        }
        return torch.cat(seen, 0).MoveToOuterDisposeScope();
    }

    /// <summary>One row of each sequence.</summary>
    private Tensor AttendRows(int layer, Tensor q, Tensor k, Tensor v)
    {
        var (heads, kvHeads, size) = ((int)q.shape[1], (int)k.shape[1], (int)q.shape[2]);
        var result = torch.empty([chunks.Count, heads * size], q.dtype);
        var (query, key, value, seen) = (BFloat16Lanes.Address(q), BFloat16Lanes.Address(k), BFloat16Lanes.Address(v), BFloat16Lanes.Address(result));
        var rows = new SingleRowAttention.Row[chunks.Count];
        for (var i = 0; i < rows.Length; i++)
        {
            var (cache, width, kvWidth) = (chunks[i].Cache, heads * size * sizeof(ushort), kvHeads * size * sizeof(ushort));
            cache.Append(layer, key + i * kvWidth, value + i * kvWidth, kvHeads, size);
            var (keys, values) = cache.Addresses(layer);
            rows[i] = new(query + i * width, keys, values, seen + i * width, cache.Length + 1, cache.Capacity);
        }
        SingleRowAttention.Attend(rows, heads, kvHeads, size);
        return result;
    }

    private static Tensor Attend(int layer, KvCache cache, Tensor? mask, Tensor q, Tensor k, Tensor v)
    {
        using var scope = NewDisposeScope();
        var (rows, heads, size) = (q.shape[0], q.shape[1], q.shape[2]);
        var (keys, values) = cache.Append(layer, k, v);                                             // [K, P, D]
        var (kvHeads, group) = (keys.shape[0], heads / keys.shape[0]);

        // The queries of a group share their key head, so they lie one after the other on the query axis: [K, G·S, D].
        var queries = q.view(rows, kvHeads, group, size).permute(1, 2, 0, 3).reshape(kvHeads, group * rows, size);
        var seen = functional.scaled_dot_product_attention(queries.unsqueeze(0), keys.unsqueeze(0), values.unsqueeze(0), mask);
        return seen.view(kvHeads, group, rows, size).permute(2, 0, 1, 3).reshape(rows, heads * size).MoveToOuterDisposeScope();
    }

    /// <returns>[G·S, past + S] true where a query may look: query i at positions 0 .. past + i</returns>
    private static Tensor CausalMask(int past, int rows, int queriesPerKey, Device device) =>
        torch.ones([rows, past + rows], ScalarType.Bool, device).tril(past).repeat(queriesPerKey, 1);
}
