using LlamaVid.Model.Decoder;

namespace LlamaVid.Engine;

/// <summary>Keys and values of sequences that have ended, kept as long as nobody needs their room: another prompt that begins alike starts with a copy.</summary>
/// <remarks>Two prompts begin alike when their texts do and when their visual tokens are of the same videos under the same question.</remarks>
internal sealed class PrefixCache(KvBudget budget) : IDisposable
{
    private readonly List<(PositionKeys Keys, KvCache Cache)> _kept = [];    // used longest ago first

    /// <summary>Positions that can be had by letting everything go.</summary>
    public int Evictable => _kept.Sum(kept => kept.Cache.Capacity);

    /// <summary>The kept cache that shares most positions with a prompt.</summary>
    public (KvCache? Cache, int Length) Longest(PositionKeys keys)
    {
        var (best, length) = (-1, 0);
        for (var i = 0; i < _kept.Count; i++)
            if (_kept[i].Keys.CommonPrefix(keys) is var common && common > length)
                (best, length) = (i, common);
        if (best < 0) return (null, 0);

        var used = _kept[best];
        _kept.RemoveAt(best);
        _kept.Add(used);
        return (used.Cache, length);
    }

    /// <summary>Keeps the cache of a sequence that has ended; its positions have been returned to the budget.</summary>
    public void Keep(PositionKeys keys, KvCache cache)
    {
        foreach (var (_, covered) in _kept.Where(kept => keys.CommonPrefix(kept.Keys) == kept.Keys.Count).ToArray()) Drop(covered);
        if (budget.TryChange(0, cache.Capacity)) _kept.Add((keys, cache));
        else cache.Dispose();
    }

    /// <summary>Lets caches go, those used longest ago first, until so many positions are free; false when that cannot be.</summary>
    public bool MakeRoom(int positions)
    {
        if (positions > budget.Free + Evictable) return false;
        while (positions > budget.Free) Drop(_kept[0].Cache);
        return true;
    }

    public void Dispose()
    {
        while (_kept.Count > 0) Drop(_kept[0].Cache);
    }

    private void Drop(KvCache cache)
    {
        _kept.RemoveAll(kept => kept.Cache == cache);
        budget.TryChange(cache.Capacity, 0);
        cache.Dispose();
    }
}
