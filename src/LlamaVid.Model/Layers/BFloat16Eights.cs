using System.Buffers;
using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;

namespace LlamaVid.Model.Layers;

/// <summary>Products of many rows with a weight that lies as <see cref="BFloat16Product"/> reads it: eight rows at a time, in blocks that stay in the caches.</summary>
/// <remarks>
/// A weight's values are widened once for eight rows and multiplied as float32, at the full rate of the processor's multiply-adds. Where those of pairs of bfloat16 run at half of it
/// (<see cref="Devices.PairsBFloat16Slowly"/>), this is the faster way. Each sum is made in the order of the products of few rows, and is the same to the bit.
/// </remarks>
internal static unsafe class BFloat16Eights
{
    private const int Rows = 8, Tile = BFloat16Product.Tile, Half = Tile / 2, Pairs = BFloat16Lanes.Count, Register = BFloat16Lanes.Half, InputsOfPass = 2, BytesOfInput = Tile * sizeof(ushort), Halves = 2;

    /// <summary>Inputs of a block: those of half a tile take 16 KB, those of eight rows 8 KB.</summary>
    private const int Block = 256;

    /// <summary>Tiles for which many rows are read once. A few rows stay in the cache by themselves, and then a weight is best read from its first byte to its last.</summary>
    private const int MostTilesOfTask = 4, FewGroups = 8;

    /// <summary>Groups of rows that together ask for the weights of the next block, line by line.</summary>
    private const int GroupsThatAsk = 2;

    private const int TasksOfProcessor = 4;

    /// <param name="rows">[M, inputs] bfloat16, contiguous</param>
    /// <param name="bias">[outputs] bfloat16</param>
    /// <returns>[M, outputs] bfloat16</returns>
    public static Tensor Multiply(Tensor rows, BFloat16Product.Weight weight, Tensor? bias)
    {
        var (count, width, tiles) = ((int)rows.shape[0], (int)rows.shape[1], (weight.Outputs + Tile - 1) / Tile);
        var (product, groups) = (torch.empty([count, weight.Outputs], ScalarType.BFloat16), (count + Rows - 1) / Rows);
        var (from, added, results) = (BFloat16Lanes.Address(rows), bias is null ? 0 : BFloat16Lanes.Address(bias), BFloat16Lanes.Address(product));
        var eights = ArrayPool<float>.Shared.Rent(groups * Rows * weight.Inputs);
        fixed (float* start = eights)
        {
            var x = (nint)start;
            Parallel.For(0, groups, group => Interleave((ushort*)from + (long)group * Rows * width, width, Math.Min(Rows, count - group * Rows), (float*)x + (long)group * Rows * weight.Inputs, weight.Inputs));

            var tilesOfTask = groups <= FewGroups ? 1 : Math.Clamp(tiles / (TasksOfProcessor * Environment.ProcessorCount), 1, MostTilesOfTask);
            Parallel.For(0, (tiles + tilesOfTask - 1) / tilesOfTask, task =>
            {
                var (first, size) = (task * tilesOfTask, groups * Rows * Tile);
                var end = Math.Min(tiles, first + tilesOfTask);
                var sums = ArrayPool<float>.Shared.Rent((end - first) * size);
                sums.AsSpan(0, (end - first) * size).Clear();
                fixed (float* s = sums)
                {
                    Sum(weight, (float*)x, groups, first, end, s);
                    for (var tile = first; tile < end; tile++)
                        for (var row = 0; row < count; row++)
                            BFloat16Lanes.StoreSums(
                                s + (long)(tile - first) * size + row * Tile, added == 0 ? null : (ushort*)added + tile * Tile,
                                (ushort*)results + (long)row * weight.Outputs + tile * Tile, Math.Min(Tile, weight.Outputs - tile * Tile));
                }
                ArrayPool<float>.Shared.Return(sums);
            });
        }
        ArrayPool<float>.Shared.Return(eights);
        GC.KeepAlive(rows);
        return product;
    }

    /// <summary>[rows, width] to [inputs, 8], what is missing as zeros.</summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static void Interleave(ushort* rows, int width, int count, float* to, int inputs)
    {
        if (count < Rows || width < inputs) new Span<float>(to, Rows * inputs).Clear();
        for (var input = 0; input < width; input++, to += Rows)
            for (var row = 0; row < count; row++) to[row] = BFloat16Lanes.Wide(rows[(long)row * width + input]);
    }

    private static void Sum(BFloat16Product.Weight weight, float* x, int groups, int first, int end, float* sums)
    {
        var nextOfPass = Ahead.Share(InputsOfPass * BytesOfInput, groups * Halves);
        for (var input = 0; input < weight.Inputs; input += Block)
        {
            var inputs = Math.Min(Block, weight.Inputs - input);
            for (var group = 0; group < groups; group++)
                for (var tile = first; tile < end; tile++)
                {
                    var values = (ushort*)weight.Address + ((long)tile * weight.Inputs + input) * Tile;
                    var next = (byte*)values + (group < GroupsThatAsk ? inputs * BytesOfInput + group * Halves * (inputs / InputsOfPass) * nextOfPass : 0);
                    var rows = x + ((long)group * weight.Inputs + input) * Rows;
                    var sum = sums + ((long)(tile - first) * groups + group) * Rows * Tile;
                    Eight(values, rows, inputs, sum, next, nextOfPass);
                    Eight(values + Tile, rows, inputs, sum + Half, next + inputs / InputsOfPass * nextOfPass, nextOfPass);
                }
        }
    }

    /// <summary>Adds products of 32 outputs to their sums of eight rows, which stay in registers.</summary>
    /// <param name="next">weights to ask for meanwhile</param>
    /// <param name="nextOfPass">how many bytes of them for two inputs</param>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static void Eight(ushort* weight, float* x, int inputs, float* sums, byte* next, int nextOfPass)
    {
        var (a, b, c, d) = (Load(sums), Load(sums + Tile), Load(sums + 2 * Tile), Load(sums + 3 * Tile));
        var (e, f, g, h) = (Load(sums + 4 * Tile), Load(sums + 5 * Tile), Load(sums + 6 * Tile), Load(sums + 7 * Tile));
        for (var end = x + Rows * inputs; x < end; x += InputsOfPass * Rows, weight += InputsOfPass * Tile, next += nextOfPass)
        {
            Ahead.Lines2At(next);
            var (low, high) = (BFloat16Lanes.LoadPairs(weight), BFloat16Lanes.LoadPairs(weight + Pairs));
            (a, b) = (Added(a, low.Even, high.Even, x[0]), Added(b, low.Even, high.Even, x[1]));
            (c, d) = (Added(c, low.Even, high.Even, x[2]), Added(d, low.Even, high.Even, x[3]));
            (e, f) = (Added(e, low.Even, high.Even, x[4]), Added(f, low.Even, high.Even, x[5]));
            (g, h) = (Added(g, low.Even, high.Even, x[6]), Added(h, low.Even, high.Even, x[7]));
            (a, b) = (Added(a, low.Odd, high.Odd, x[8]), Added(b, low.Odd, high.Odd, x[9]));
            (c, d) = (Added(c, low.Odd, high.Odd, x[10]), Added(d, low.Odd, high.Odd, x[11]));
            (e, f) = (Added(e, low.Odd, high.Odd, x[12]), Added(f, low.Odd, high.Odd, x[13]));
            (g, h) = (Added(g, low.Odd, high.Odd, x[14]), Added(h, low.Odd, high.Odd, x[15]));
        }
        Store(sums, a);
        Store(sums + Tile, b);
        Store(sums + 2 * Tile, c);
        Store(sums + 3 * Tile, d);
        Store(sums + 4 * Tile, e);
        Store(sums + 5 * Tile, f);
        Store(sums + 6 * Tile, g);
        Store(sums + 7 * Tile, h);
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static (Vector512<float> Low, Vector512<float> High) Load(float* sums) => (Vector512.Load(sums), Vector512.Load(sums + Register));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static (Vector512<float> Low, Vector512<float> High) Added((Vector512<float> Low, Vector512<float> High) sum, Vector512<float> low, Vector512<float> high, float x)
    {
        var factor = Vector512.Create(x);
        return (Vector512.FusedMultiplyAdd(low, factor, sum.Low), Vector512.FusedMultiplyAdd(high, factor, sum.High));
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static void Store(float* sums, (Vector512<float> Low, Vector512<float> High) sum)
    {
        sum.Low.Store(sums);
        sum.High.Store(sums + Register);
    }
}
