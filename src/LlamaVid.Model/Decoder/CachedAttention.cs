namespace LlamaVid.Model.Decoder;

/// <summary>Rows of several sequences, one after the other; those of a sequence look at what its cache holds and at themselves. What inference computes.</summary>
/// <remarks>One pass through all layers; the masks belong to the dispose scope in which it is made or moved.</remarks>
/// <param name="fitsLanes">loops of our own may run over the rows, see <see cref="SingleRowAttention.Fits"/></param>
internal sealed class CachedAttention(IReadOnlyList<SequenceChunk> chunks, int queriesPerKey, bool fitsLanes, Device device) : RowAttention
{
    private readonly Tensor?[] _masks = [.. chunks.Select(chunk => chunk.Rows == 1 ? null : CausalMask(chunk.Cache.Length, chunk.Rows, queriesPerKey, device))];

    public override void MoveTo(Device device)
    {
        for (var i = 0; i < _masks.Length; i++) _masks[i] = _masks[i]?.to(device);
    }

    public override Tensor Attend(int layer, Tensor q, Tensor k, Tensor v)
    {
        if (chunks.Count == 1 && !IsSingle(chunks[0])) return Attend(layer, chunks[0].Cache, _masks[0], q, k, v);

        using var scope = NewDisposeScope();
        var (heads, kvHeads, size) = ((int)q.shape[1], (int)k.shape[1], (int)q.shape[2]);
        var result = torch.empty([q.shape[0], heads * size], q.dtype, q.device);
        var (single, row) = (new List<SingleRowAttention.Row>(chunks.Count), 0);
        for (var i = 0; i < chunks.Count; row += chunks[i++].Rows)
        {
            var (cache, count) = (chunks[i].Cache, chunks[i].Rows);
            if (IsSingle(chunks[i]))
            {
                cache.Append(layer, At(k, row), At(v, row), kvHeads, size);
                var (keys, values) = cache.Addresses(layer);
                single.Add(new(At(q, row), keys, values, At(result, row), cache.Length + 1, cache.Capacity));
            }
            else result.narrow(0, row, count).copy_(Attend(layer, cache, _masks[i], q.narrow(0, row, count), k.narrow(0, row, count), v.narrow(0, row, count)));
        }
        if (single.Count > 0) SingleRowAttention.Attend(single, heads, kvHeads, size);
        return result.MoveToOuterDisposeScope();
    }

    private bool IsSingle(SequenceChunk chunk) => chunk.Rows == 1 && fitsLanes;

    private static nint At(Tensor rows, int row) => BFloat16Lanes.Address(rows) + row * (nint)(rows.numel() / rows.shape[0]) * sizeof(ushort);

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
