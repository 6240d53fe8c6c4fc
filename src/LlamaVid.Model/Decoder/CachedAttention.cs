namespace LlamaVid.Model.Decoder;

/// <summary>Rows of several sequences, one after the other; those of a sequence look at what its cache holds and at themselves. What inference computes.</summary>
/// <remarks>One pass through all layers; the masks belong to the dispose scope in which it is made or moved.</remarks>
internal sealed class CachedAttention : RowAttention
{
    private readonly IReadOnlyList<SequenceChunk> _chunks;
    private readonly bool _fitsSingle, _fitsPrompt;                         // loops of our own may run over the rows
    private readonly Tensor?[] _masks;

    /// <param name="embeddings">what goes into the pass; queries are as it is</param>
    public CachedAttention(IReadOnlyList<SequenceChunk> chunks, Tensor embeddings, DecoderConfig config)
    {
        var size = config.HiddenSize / config.Heads;
        (_chunks, _fitsSingle, _fitsPrompt) = (chunks, SingleRowAttention.Fits(embeddings, size), PromptAttention.Fits(embeddings, size));
        _masks = [.. chunks.Select(chunk => chunk.Rows == 1 || _fitsPrompt ? null : CausalMask(chunk.Cache.Length, chunk.Rows, config.Heads / config.KvHeads, embeddings.device))];
    }

    public override void MoveTo(Device device)
    {
        for (var i = 0; i < _masks.Length; i++) _masks[i] = _masks[i]?.to(device);
    }

    public override Tensor Attend(int layer, Tensor q, Tensor k, Tensor v)
    {
        if (_chunks.Count == 1 && !FitsLoops(_chunks[0])) return Attend(layer, _chunks[0].Cache, _masks[0], q, k, v);

        using var scope = NewDisposeScope();
        var (heads, kvHeads, size) = ((int)q.shape[1], (int)k.shape[1], (int)q.shape[2]);
        var result = torch.empty([q.shape[0], heads * size], q.dtype, q.device);
        var (queries, newKeys, newValues, results) = (Place(q), Place(k), Place(v), Place(result));
        var (single, row) = (new List<SingleRowAttention.Row>(_chunks.Count), 0);
        for (var i = 0; i < _chunks.Count; row += _chunks[i++].Rows)
        {
            var (cache, count) = (_chunks[i].Cache, _chunks[i].Rows);
            if (!FitsLoops(_chunks[i]))
            {
                result.narrow(0, row, count).copy_(Attend(layer, cache, _masks[i], q.narrow(0, row, count), k.narrow(0, row, count), v.narrow(0, row, count)));
                continue;
            }
            var (ofQueries, ofKeys) = ((nint)row * heads * size * sizeof(ushort), (nint)row * kvHeads * size * sizeof(ushort));
            cache.Append(layer, newKeys + ofKeys, newValues + ofKeys, count, kvHeads, size);
            var (keys, values) = cache.Addresses(layer);
            if (count == 1) single.Add(new(queries + ofQueries, keys, values, results + ofQueries, cache.Length + 1, cache.Capacity));
            else PromptAttention.Attend(queries + ofQueries, keys, values, results + ofQueries, count, cache.Length, cache.Capacity, heads, kvHeads, size);
        }
        if (single.Count > 0) SingleRowAttention.Attend(single, heads, kvHeads, size);
        return result.MoveToOuterDisposeScope();
    }

    private bool FitsLoops(SequenceChunk chunk) => chunk.Rows == 1 ? _fitsSingle : _fitsPrompt;

    private nint Place(Tensor rows) => _fitsSingle || _fitsPrompt ? BFloat16Lanes.Address(rows) : 0;

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
