using System.Buffers;
using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;

namespace LlamaVid.Model.Layers;

/// <summary>Products of a few rows with a bfloat16 weight that lies as oneDNN packs it, read once from its first byte to its last. Knows nothing of how it came to lie so.</summary>
/// <remarks>
/// A step of few streams is bound by reading weights. oneDNN does not ask for them ahead of its loop, and every call of it goes through an interpreter; from eight rows on it is the faster one on processors whose pairs are fast.
/// Sums are float32, in an order that does not depend on the rows beside it.
/// </remarks>
internal static unsafe class BFloat16Product
{
    /// <summary>Outputs that lie together: of each pair of inputs 64 pairs of weights.</summary>
    public const int Tile = 64;

    /// <summary>Rows up to which this is the faster way.</summary>
    public const int MostRows = 4;

    /// <summary>Three rows take as long one by one as four together.</summary>
    private const int RowsOneByOne = 2;

    private const int BytesOfTask = 1 << 18, Registers = Tile / BFloat16Lanes.Half, Pairs = BFloat16Lanes.Count;

    /// <param name="Address">of tiles [⌈outputs / 64⌉, pairs, 64, 2], filled up with zeros</param>
    /// <param name="Inputs">even, those that fill up included</param>
    public readonly record struct Weight(nint Address, int Outputs, int Inputs);

    /// <param name="rows">[M, inputs] bfloat16, contiguous, at most <see cref="MostRows"/></param>
    /// <param name="bias">[outputs] bfloat16</param>
    /// <returns>[M, outputs] bfloat16</returns>
    public static Tensor Multiply(Tensor rows, Weight weight, Tensor? bias)
    {
        var (count, width, tiles) = ((int)rows.shape[0], (int)rows.shape[1], (weight.Outputs + Tile - 1) / Tile);
        var product = torch.empty([count, weight.Outputs], ScalarType.BFloat16);
        var wide = ArrayPool<float>.Shared.Rent(MostRows * weight.Inputs);
        wide.AsSpan(count * weight.Inputs, (MostRows - count) * weight.Inputs).Clear();
        for (var row = 0; row < count; row++)
        {
            var place = wide.AsSpan(row * weight.Inputs, weight.Inputs);
            place[width..].Clear();
            BFloat16Lanes.Widen(new((ushort*)BFloat16Lanes.Address(rows) + (long)row * width, width), place);
        }
        var (added, results) = (bias is null ? 0 : BFloat16Lanes.Address(bias), BFloat16Lanes.Address(product));
        fixed (float* x = wide)
        {
            var from = (nint)x;
            var tilesOfTask = Math.Max(1, BytesOfTask / (Tile * weight.Inputs * sizeof(ushort)));
            var tasks = (tiles + tilesOfTask - 1) / tilesOfTask;
            if (tasks == 1) Part(0);
            else Parallel.For(0, tasks, Part);

            void Part(int task)
            {
                for (var tile = task * tilesOfTask; tile < Math.Min(tiles, (task + 1) * tilesOfTask); tile++)
                    Multiply((ushort*)weight.Address + (long)tile * Tile * weight.Inputs, (float*)from, count, weight, tile * Tile, (ushort*)added, (ushort*)results);
            }
        }
        ArrayPool<float>.Shared.Return(wide);
        GC.KeepAlive(rows);
        return product;
    }

    private static void Multiply(ushort* tile, float* x, int count, Weight weight, int output, ushort* bias, ushort* results)
    {
        var sums = stackalloc float[MostRows * Tile];
        if (count > RowsOneByOne) Four(tile, x, weight.Inputs, sums);
        else
            for (var row = 0; row < count; row++) One(tile, x + row * weight.Inputs, weight.Inputs, sums + row * Tile);
        var room = Math.Min(Tile, weight.Outputs - output);
        for (var row = 0; row < count; row++)
            BFloat16Lanes.StoreSums(sums + row * Tile, bias == null ? null : bias + output, results + (long)row * weight.Outputs + output, room);
    }

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static void One(ushort* tile, float* x, int inputs, float* sums)
    {
        var (a0, a1, a2, a3) = (Vector512<float>.Zero, Vector512<float>.Zero, Vector512<float>.Zero, Vector512<float>.Zero);
        for (var end = x + inputs; x < end; x += 2, tile += Registers * Pairs)
        {
            Ahead.Lines4(tile);
            a0 = Sum(a0, BFloat16Lanes.LoadPairs(tile), x);
            a1 = Sum(a1, BFloat16Lanes.LoadPairs(tile + Pairs), x);
            a2 = Sum(a2, BFloat16Lanes.LoadPairs(tile + 2 * Pairs), x);
            a3 = Sum(a3, BFloat16Lanes.LoadPairs(tile + 3 * Pairs), x);
        }
        Put(sums, a0, a1, a2, a3);
    }

    /// <summary>The same for four rows: the weights are widened once, and sixteen sums stay in registers.</summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static void Four(ushort* tile, float* x, int inputs, float* sums)
    {
        var (a0, a1, a2, a3) = (Vector512<float>.Zero, Vector512<float>.Zero, Vector512<float>.Zero, Vector512<float>.Zero);
        var (b0, b1, b2, b3) = (a0, a1, a2, a3);
        var (c0, c1, c2, c3) = (a0, a1, a2, a3);
        var (d0, d1, d2, d3) = (a0, a1, a2, a3);
        for (var end = x + inputs; x < end; x += 2, tile += Registers * Pairs)
        {
            Ahead.Lines4(tile);
            var pairs = BFloat16Lanes.LoadPairs(tile);
            (a0, b0, c0, d0) = (Sum(a0, pairs, x), Sum(b0, pairs, x + inputs), Sum(c0, pairs, x + 2 * inputs), Sum(d0, pairs, x + 3 * inputs));
            pairs = BFloat16Lanes.LoadPairs(tile + Pairs);
            (a1, b1, c1, d1) = (Sum(a1, pairs, x), Sum(b1, pairs, x + inputs), Sum(c1, pairs, x + 2 * inputs), Sum(d1, pairs, x + 3 * inputs));
            pairs = BFloat16Lanes.LoadPairs(tile + 2 * Pairs);
            (a2, b2, c2, d2) = (Sum(a2, pairs, x), Sum(b2, pairs, x + inputs), Sum(c2, pairs, x + 2 * inputs), Sum(d2, pairs, x + 3 * inputs));
            pairs = BFloat16Lanes.LoadPairs(tile + 3 * Pairs);
            (a3, b3, c3, d3) = (Sum(a3, pairs, x), Sum(b3, pairs, x + inputs), Sum(c3, pairs, x + 2 * inputs), Sum(d3, pairs, x + 3 * inputs));
        }
        Put(sums, a0, a1, a2, a3);
        Put(sums + Tile, b0, b1, b2, b3);
        Put(sums + 2 * Tile, c0, c1, c2, c3);
        Put(sums + 3 * Tile, d0, d1, d2, d3);
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static Vector512<float> Sum(Vector512<float> sum, (Vector512<float> Even, Vector512<float> Odd) pairs, float* inputs) =>
        Vector512.FusedMultiplyAdd(pairs.Odd, Vector512.Create(inputs[1]), Vector512.FusedMultiplyAdd(pairs.Even, Vector512.Create(inputs[0]), sum));

    private static void Put(float* sums, Vector512<float> first, Vector512<float> second, Vector512<float> third, Vector512<float> fourth)
    {
        first.Store(sums);
        second.Store(sums + BFloat16Lanes.Half);
        third.Store(sums + 2 * BFloat16Lanes.Half);
        fourth.Store(sums + 3 * BFloat16Lanes.Half);
    }
}
