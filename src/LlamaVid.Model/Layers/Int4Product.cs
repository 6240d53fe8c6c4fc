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
    /// <returns>[M, outputs] float32</returns>
    public static Tensor Multiply(Tensor rows, Weight weight, Int4Kernel? kernel)
    {
        var (count, inputs, groups) = ((int)rows.shape[0], weight.Inputs, weight.Inputs / Group);
        var product = torch.empty([count, weight.Outputs], ScalarType.Float32);
        var blocks = (count + GroupBytes.Rows - 1) / GroupBytes.Rows;
        var memory = (nint)NativeMemory.AlignedAlloc((nuint)((nint)count * inputs + (nint)blocks * groups * FactorsOfGroup * sizeof(float)), Alignment);
        try
        {
            fixed (byte* source = rows.bytes, target = product.bytes)
            {
                var from = (nint)source;
                var all = new Rows((sbyte*)memory, (float*)(memory + (nint)count * inputs), (float*)target, inputs, weight.Outputs);
                BFloat16Lanes.ForRows(count, inputs, row =>
                {
                    var one = all.From(row);
                    GroupBytes.Round((ushort*)from + (long)row * inputs, groups, one.Bytes, one.Factors);
                });
                var tiles = (weight.Outputs + Tile - 1) / Tile;
                Parallel.For(0, (tiles + TilesOfTask - 1) / TilesOfTask, task =>
                {
                    var (first, end) = (task * TilesOfTask, Math.Min(tiles, (task + 1) * TilesOfTask));
                    if (kernel is null) Multiply(all, count, weight, first, end);
                    else Multiply(all, count, weight, first, end, kernel);
                });
            }
        }
        finally
        {
            NativeMemory.AlignedFree((void*)memory);
        }
        return product;
    }

    private static void Multiply(in Rows all, int count, Weight weight, int first, int end, Int4Kernel kernel)
    {
        for (var start = 0; start < count; start += RowsOfTurn)
            for (var tile = first; tile < end; tile++)
                Multiply(all, start, Math.Min(count, start + RowsOfTurn), weight, tile, kernel);
    }

    private static void Multiply(in Rows all, int start, int end, Weight weight, int tile, Int4Kernel kernel)
    {
        var (groups, bytesOfGroup) = (weight.Inputs / Group, Tile * Half);
        var ((steps, scales, middles), wanted) = (weight.Of(tile), (1 << Math.Min(Tile, weight.Outputs - tile * Tile)) - 1);
        var (next, nextOfGroup) = (steps + (start == 0 ? (nint)groups * bytesOfGroup : 0), Ahead.Share(bytesOfGroup, (end - start + GroupBytes.Rows - 1) / GroupBytes.Rows));
        for (var row = start; row < end; row += GroupBytes.Rows)
        {
            var rows = all.From(row);
            kernel.Multiply(Math.Min(GroupBytes.Rows, end - row), new(
                steps, scales, middles, (nint)rows.Bytes, (nint)rows.Factors, (nint)(rows.Result + tile * Tile), rows.Inputs, (nint)rows.Outputs * sizeof(float), groups, wanted, next, nextOfGroup));
            next += groups * nextOfGroup;
        }
    }

    private static void Multiply(in Rows all, int count, Weight weight, int first, int end)
    {
        for (var row = 0; row < count;)
        {
            var (rows, isFour) = (all.From(row), count - row >= RowsTogether);
            for (var tile = first; tile < end; tile++)
            {
                var (steps, scales, middles) = weight.Of(tile);
                var room = Math.Min(Tile, weight.Outputs - tile * Tile);
                if (isFour) Four((byte*)steps, (ushort*)scales, (ushort*)middles, rows, tile * Tile, room);
                else One((byte*)steps, (ushort*)scales, (ushort*)middles, rows, tile * Tile, room);
            }
            row += isFour ? RowsTogether : 1;
        }
    }

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static void One(byte* steps, ushort* scales, ushort* middles, in Rows rows, int output, int room)
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
        Store(total, rows.Result + output, room);
    }

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static void Four(byte* steps, ushort* scales, ushort* middles, in Rows rows, int output, int room)
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
        var (result, outputs) = ((nint)(rows.Result + output), (nint)rows.Outputs * sizeof(float));
        Store(total0, (float*)result, room);
        Store(total1, (float*)(result + outputs), room);
        Store(total2, (float*)(result + 2 * outputs), room);
        Store(total3, (float*)(result + 3 * outputs), room);
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

    private static void Store(Vector512<float> total, float* result, int room)
    {
        if (room == Tile) total.Store(result);
        else
            for (var output = 0; output < room; output++) result[output] = total[output];
    }

    /// <summary>Where rows lie that are rounded to bytes, from one of them on, and their results.</summary>
    private readonly struct Rows(sbyte* bytes, float* factors, float* result, int inputs, int outputs)
    {
        public readonly sbyte* Bytes = bytes;
        public readonly float* Factors = factors;
        public readonly float* Result = result;
        public readonly int Inputs = inputs, Outputs = outputs;

        /// <param name="row">of the first of all</param>
        public Rows From(int row)
        {
            var (block, within) = Math.DivRem(row, GroupBytes.Rows);
            return new(Bytes + (long)row * Inputs, Factors + (long)block * (Inputs / Group) * FactorsOfGroup + within, Result + (long)row * Outputs, Inputs, Outputs);
        }
    }
}
