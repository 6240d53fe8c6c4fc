namespace LlamaVid.Training.Loop;

/// <summary>
/// Which samples a micro-batch has: every epoch is another shuffle of all samples, and any micro-batch can be asked for without those before
/// it.
/// </summary>
/// <remarks>The micro-batches run through one endless row of shuffles, so the last of an epoch may hold the first samples of the next.</remarks>
/// <param name="shuffle">the order of epoch e under a seed; null for plain chance</param>
internal sealed class EpochOrder(int count, int batch, int accumulate, Func<long, long, int[]>? shuffle = null)
{
    private (long Seed, long Epoch, int[] Order) _latest = (0, -1, []);
    private (long Seed, long Epoch, int[] Order) _next = (0, -1, []);

    /// <summary>Micro-batches that go through all samples once, rounded up.</summary>
    public long PartsPerEpoch => (count + batch - 1L) / batch;

    /// <returns>indices of the samples of micro-batch <paramref name="part"/> of step <paramref name="step"/></returns>
    public int[] At(long step, int part, long seed)
    {
        var first = (step * accumulate + part) * batch;
        return [.. Enumerable.Range(0, batch).Select(i => At(first + i, seed))];
    }

    private int At(long place, long seed)
    {
        var (epoch, within) = Math.DivRem(place, count);
        if (_latest.Epoch != epoch || _latest.Seed != seed)
        {
            (_latest, _next) = (_next, _latest);
            if (_latest.Epoch != epoch || _latest.Seed != seed) _latest = (seed, epoch, shuffle?.Invoke(seed, epoch) ?? Shuffled(count, seed, epoch));
        }
        return _latest.Order[within];
    }

    /// <summary>The numbers below <paramref name="count"/> in an order of chance.</summary>
    public static int[] Shuffled(int count, long seed, long epoch)
    {
        var order = Enumerable.Range(0, count).ToArray();
        for (var i = count - 1; i > 0; i--)
        {
            var other = Seeds.Below(i + 1, seed, epoch, i);
            (order[i], order[other]) = (order[other], order[i]);
        }
        return order;
    }
}
