using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using System.Runtime.Intrinsics;

namespace LlamaVid.Model.Layers;

/// <summary>Products of rows with 4-bit weights: bytes against steps in whole numbers, group by group, with the scales of both after each.</summary>
/// <remarks>
/// libtorch's kernel computes in float32: it reaches half of the memory's speed with one row, and is slower than 8 bits with eight. Here a register holds four inputs of each of 16 outputs, so that
/// sums of whole numbers need scales once for 2048 products; steps are unpacked once for four rows, and the tiles of a task stay in the cache for all rows. The sums of a row are made
/// in one order, whatever stands beside it.
/// </remarks>
internal static unsafe class Int4Product
{
    private const int Group = WeightRounding.Group, Tile = WeightRounding.Tile, Half = Group / 2, TilesOfTask = 4, RowsTogether = 4, FactorsOfGroup = 2 * GroupBytes.Rows;
    private const nuint Alignment = 64;

    /// <summary>Rows for which a tile is read once.</summary>
    private const int RowsOfTurn = 4 * GroupBytes.Rows;

    /// <summary>Registers whose products with four bytes, 15 · 127 at most and two in a sum, add up in 16 bits.</summary>
    private const int RegistersOfSum = 4;

    private static readonly Vector512<float> Middle = Vector512.Create(8f);

    /// <summary>Where a weight lies, as <see cref="WeightRounding.ToInt4"/> orders it.</summary>
    public readonly record struct Weight(nint Steps, nint Scales, nint Middles, int Outputs, int Inputs)
    {
        public (nint Steps, nint Scales, nint Middles) Of(int tile)
        {
            var groups = (nint)tile * (Inputs / Group);
            return (Steps + groups * Tile * Half, Scales + groups * Tile * sizeof(ushort), Middles + groups * Tile * sizeof(ushort));
        }
    }

    /// <param name="rows">[M, inputs] bfloat16, contiguous</param>
    /// <param name="kernel">null: the loops of this class</param>
    /// <param name="type">of the result: bfloat16, or float32 as it is summed</param>
    /// <param name="bias">[outputs] bfloat16, for a result that is</param>
    /// <returns>[M, outputs]</returns>
    public static Tensor Multiply(Tensor rows, Weight weight, Int4Kernel? kernel, ScalarType type, Tensor? bias = null)
    {
        var (count, inputs, groups) = ((int)rows.shape[0], weight.Inputs, weight.Inputs / Group);
        var product = torch.empty([count, weight.Outputs], type);
        var (from, added, results) = (BFloat16Lanes.Address(rows), bias is null ? 0 : BFloat16Lanes.Address(bias), BFloat16Lanes.Address(product));
        var blocks = (count + GroupBytes.Rows - 1) / GroupBytes.Rows;
        var memory = (nint)NativeMemory.AlignedAlloc((nuint)((nint)count * inputs + (nint)blocks * groups * FactorsOfGroup * sizeof(float)), Alignment);
        try
        {
            var all = new Rows((sbyte*)memory, (float*)(memory + (nint)count * inputs), inputs);
            BFloat16Lanes.ForRows(count, inputs, row =>
            {
                var one = all.From(row);
                GroupBytes.Round((ushort*)from + (long)row * inputs, groups, one.Bytes, one.Factors);
            });
            var tiles = (weight.Outputs + Tile - 1) / Tile;
            Parallel.For(0, (tiles + TilesOfTask - 1) / TilesOfTask, task =>
            {
                var sums = stackalloc float[RowsOfTurn * Tile];
                for (var start = 0; start < count; start += RowsOfTurn)
                    for (var tile = task * TilesOfTask; tile < Math.Min(tiles, (task + 1) * TilesOfTask); tile++)
                    {
                        var (turn, together, room) = (all.From(start), Math.Min(RowsOfTurn, count - start), Math.Min(Tile, weight.Outputs - tile * Tile));
                        if (kernel is null) Sum(turn, together, weight, tile, sums);
                        else Sum(turn, together, weight, tile, sums, kernel, isFirst: start == 0);
                        for (var row = 0; row < together; row++)
                        {
                            var sum = sums + row * Tile;
                            var place = (long)(start + row) * weight.Outputs + tile * Tile;
                            if (type == ScalarType.Float32) new ReadOnlySpan<float>(sum, room).CopyTo(new((float*)results + place, room));
                            else BFloat16Lanes.StoreSums(sum, added == 0 ? null : (ushort*)added + tile * Tile, (ushort*)results + place, room);
                        }
                    }
            });
        }
        finally
        {
            NativeMemory.AlignedFree((void*)memory);
        }
        GC.KeepAlive(rows);
        return product;
    }

    /// <param name="isFirst">of the tile: the next tile is asked for</param>
    private static void Sum(in Rows turn, int count, Weight weight, int tile, float* sums, Int4Kernel kernel, bool isFirst)
    {
        var ((steps, scales, middles), groups, bytesOfGroup) = (weight.Of(tile), weight.Inputs / Group, Tile * Half);
        var (next, nextOfGroup) = (steps + (isFirst ? (nint)groups * bytesOfGroup : 0), Ahead.Share(bytesOfGroup, (count + GroupBytes.Rows - 1) / GroupBytes.Rows));
        for (var row = 0; row < count; row += GroupBytes.Rows)
        {
            var rows = turn.From(row);
            kernel.Sum(
                Math.Min(GroupBytes.Rows, count - row),
                new(steps, scales, middles, (nint)rows.Bytes, (nint)rows.Factors, (nint)(sums + row * Tile), rows.Inputs, groups, next, nextOfGroup));
            next += groups * nextOfGroup;
        }
    }

    private static void Sum(in Rows turn, int count, Weight weight, int tile, float* sums)
    {
        var (steps, scales, middles) = weight.Of(tile);
        for (var row = 0; row < count;)
        {
            var (rows, isFour) = (turn.From(row), count - row >= RowsTogether);
            if (isFour) Four((byte*)steps, (ushort*)scales, (ushort*)middles, rows, sums + row * Tile);
            else One((byte*)steps, (ushort*)scales, (ushort*)middles, rows, sums + row * Tile);
            row += isFour ? RowsTogether : 1;
        }
    }

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static void One(byte* steps, ushort* scales, ushort* middles, in Rows rows, float* sums)
    {
        var total = Vector512<float>.Zero;
        for (var group = 0; group < rows.Inputs / Group; group++, steps += Tile * Half, scales += Tile, middles += Tile)
        {
            var sum = Vector512<int>.Zero;
            sbyte* bytes = rows.Bytes + group * Group;
            for (var register = 0; register < Tile; register += RegistersOfSum)
            {
                var part = Vector512<short>.Zero;
                for (var at = register; at < register + RegistersOfSum; at++)
                {
                    Ahead.Line1(steps + at * Half);
                    var (low, high) = Unpacked(steps + at * Half);
                    part += Products(low, high, bytes + 4 * at);
                }
                sum += ByteProducts.Twos(part);
            }
            var (scale, offset) = Factors(scales, middles);
            float* factors = rows.Factors + group * FactorsOfGroup;
            total = Scaled(total, sum, scale, offset, factors[0], factors[GroupBytes.Rows]);
        }
        total.Store(sums);
    }

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static void Four(byte* steps, ushort* scales, ushort* middles, in Rows rows, float* sums)
    {
        var (inputs, groups) = (rows.Inputs, rows.Inputs / Group);
        var (total0, total1, total2, total3) = (Vector512<float>.Zero, Vector512<float>.Zero, Vector512<float>.Zero, Vector512<float>.Zero);
        for (var group = 0; group < groups; group++, steps += Tile * Half, scales += Tile, middles += Tile)
        {
            var (sum0, sum1, sum2, sum3) = (Vector512<int>.Zero, Vector512<int>.Zero, Vector512<int>.Zero, Vector512<int>.Zero);
            sbyte* bytes = rows.Bytes + group * Group;
            for (var register = 0; register < Tile; register += RegistersOfSum)
            {
                var (part0, part1, part2, part3) = (Vector512<short>.Zero, Vector512<short>.Zero, Vector512<short>.Zero, Vector512<short>.Zero);
                for (var at = register; at < register + RegistersOfSum; at++)
                {
                    Ahead.Line1(steps + at * Half);
                    var (low, high) = Unpacked(steps + at * Half);
                    sbyte* four = bytes + 4 * at;
                    part0 += Products(low, high, four);
                    part1 += Products(low, high, four + inputs);
                    part2 += Products(low, high, four + 2 * inputs);
                    part3 += Products(low, high, four + 3 * inputs);
                }
                sum0 += ByteProducts.Twos(part0);
                sum1 += ByteProducts.Twos(part1);
                sum2 += ByteProducts.Twos(part2);
                sum3 += ByteProducts.Twos(part3);
            }
            var (scale, offset) = Factors(scales, middles);
            float* rowScales = rows.Factors + group * FactorsOfGroup;
            float* rowSums = rowScales + GroupBytes.Rows;
            total0 = Scaled(total0, sum0, scale, offset, rowScales[0], rowSums[0]);
            total1 = Scaled(total1, sum1, scale, offset, rowScales[1], rowSums[1]);
            total2 = Scaled(total2, sum2, scale, offset, rowScales[2], rowSums[2]);
            total3 = Scaled(total3, sum3, scale, offset, rowScales[3], rowSums[3]);
        }
        total0.Store(sums);
        total1.Store(sums + Tile);
        total2.Store(sums + 2 * Tile);
        total3.Store(sums + 3 * Tile);
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static (Vector512<byte> Low, Vector512<byte> High) Unpacked(byte* steps)
    {
        var (both, mask) = (Vector512.Load(steps), Vector512.Create((byte)0x0F));
        return (both & mask, (both.AsUInt16() >>> 4).AsByte() & mask);
    }

    /// <summary>Four inputs of each output, and the four that are 64 further on.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static Vector512<short> Products(Vector512<byte> low, Vector512<byte> high, sbyte* bytes) =>
        ByteProducts.Twos(low, Vector512.Create(*(int*)bytes).AsSByte()) + ByteProducts.Twos(high, Vector512.Create(*(int*)(bytes + Half)).AsSByte());

    /// <summary>Of 16 outputs: what a step is worth, and step 0.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static (Vector512<float> Scale, Vector512<float> Offset) Factors(ushort* scales, ushort* middles)
    {
        var scale = BFloat16Lanes.LoadHalf(scales);
        return (scale, BFloat16Lanes.LoadHalf(middles) - Middle * scale);
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static Vector512<float> Scaled(Vector512<float> total, Vector512<int> sum, Vector512<float> scale, Vector512<float> offset, float rowScale, float rowSum) =>
        Vector512.FusedMultiplyAdd(offset, Vector512.Create(rowSum), Vector512.FusedMultiplyAdd(Vector512.ConvertToSingle(sum), scale * Vector512.Create(rowScale), total));

    /// <summary>Where rows lie that are rounded to bytes, from one of them on.</summary>
    private readonly struct Rows(sbyte* bytes, float* factors, int inputs)
    {
        public readonly sbyte* Bytes = bytes;
        public readonly float* Factors = factors;
        public readonly int Inputs = inputs;

        /// <param name="row">of the first of all</param>
        public Rows From(int row)
        {
            var (block, within) = Math.DivRem(row, GroupBytes.Rows);
            return new(Bytes + (long)row * Inputs, Factors + (long)block * (Inputs / Group) * FactorsOfGroup + within, Inputs);
        }
    }
}
