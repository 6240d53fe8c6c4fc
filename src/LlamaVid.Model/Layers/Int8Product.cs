using System.Buffers;
using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;
using System.Runtime.Intrinsics.X86;

namespace LlamaVid.Model.Layers;

/// <summary>Products of a few rows of bytes with an 8-bit weight that lies as oneDNN packs it, read once from its first byte to its last. Knows nothing of how it came to lie so.</summary>
/// <remarks>
/// A step of few streams is bound by reading weights, which oneDNN does not ask for ahead of its loop. Bytes are widened to 16 bits here, because a sum of two products of bytes does not fit them;
/// whole numbers have one sum, so the result is oneDNN's to the bit.
/// </remarks>
internal static unsafe class Int8Product
{
    /// <summary>Outputs that lie together: of four inputs 64 times four weights.</summary>
    public const int Tile = 64;

    /// <summary>Rows up to which this is the faster way.</summary>
    public const int MostRows = 4;

    /// <summary>Three rows take as long one by one as four together.</summary>
    private const int RowsOneByOne = 2;

    private const int Fours = 4, Middle = 128, BytesOfTask = 1 << 18, OutputsOfRegister = 8, Registers = Tile / OutputsOfRegister, RegistersOfHalf = Registers / 2, BytesOfRegister = OutputsOfRegister * Fours;

    /// <param name="Address">of tiles [⌈outputs / 64⌉, inputs / 4, 64, 4], filled up with zeros</param>
    /// <param name="Scales">address of [outputs] float32</param>
    /// <param name="Inputs">a multiple of 4, those that fill up included</param>
    public readonly record struct Weight(nint Address, nint Scales, int Outputs, int Inputs);

    /// <param name="rows">[M, inputs] bytes around 128, contiguous, at most <see cref="MostRows"/></param>
    /// <param name="rowScales">[M, 1] bfloat16</param>
    /// <returns>[M, outputs] bfloat16</returns>
    public static Tensor Multiply(Tensor rows, Tensor rowScales, Weight weight)
    {
        var (count, width, tiles) = ((int)rows.shape[0], (int)rows.shape[1], (weight.Outputs + Tile - 1) / Tile);
        var product = torch.empty([count, weight.Outputs], ScalarType.BFloat16);
        var wide = ArrayPool<short>.Shared.Rent(MostRows * weight.Inputs);
        wide.AsSpan(count * weight.Inputs, (MostRows - count) * weight.Inputs).Clear();
        for (var row = 0; row < count; row++) Widen((byte*)BFloat16Lanes.Address(rows) + (long)row * width, width, wide.AsSpan(row * weight.Inputs, weight.Inputs));
        var (factors, results) = (BFloat16Lanes.Address(rowScales), BFloat16Lanes.Address(product));
        fixed (short* x = wide)
        {
            var from = (nint)x;
            var tilesOfTask = Math.Max(1, BytesOfTask / (Tile * weight.Inputs));
            var tasks = (tiles + tilesOfTask - 1) / tilesOfTask;
            if (tasks == 1) Part(0);
            else Parallel.For(0, tasks, Part);

            void Part(int task)
            {
                for (var tile = task * tilesOfTask; tile < Math.Min(tiles, (task + 1) * tilesOfTask); tile++)
                    Multiply((sbyte*)weight.Address + (long)tile * Tile * weight.Inputs, (short*)from, count, weight, tile * Tile, (ushort*)factors, (ushort*)results);
            }
        }
        ArrayPool<short>.Shared.Return(wide);
        GC.KeepAlive(rows);
        GC.KeepAlive(rowScales);
        return product;
    }

    private static void Widen(byte* bytes, int width, Span<short> to)
    {
        var at = 0;
        for (; at <= width - Vector512<byte>.Count; at += Vector512<byte>.Count)
        {
            var (low, high) = Vector512.Widen(Vector512.Load(bytes + at));
            (low.AsInt16() - Vector512.Create((short)Middle)).CopyTo(to[at..]);
            (high.AsInt16() - Vector512.Create((short)Middle)).CopyTo(to[(at + Vector512<short>.Count)..]);
        }
        for (; at < width; at++) to[at] = (short)(bytes[at] - Middle);
        to[width..].Clear();
    }

    private static void Multiply(sbyte* tile, short* x, int count, Weight weight, int output, ushort* rowScales, ushort* results)
    {
        var sums = stackalloc int[MostRows * Tile];
        if (count > RowsOneByOne)
            for (var half = 0; half < 2; half++) Four(tile + half * RegistersOfHalf * BytesOfRegister, x, weight.Inputs, sums + half * Tile / 2);
        else
            for (var row = 0; row < count; row++) One(tile, x + (long)row * weight.Inputs, weight.Inputs, sums + row * Tile);
        var room = Math.Min(Tile, weight.Outputs - output);
        for (var row = 0; row < count; row++)
            Store(sums + row * Tile, (float*)weight.Scales + output, BFloat16Lanes.Wide(rowScales[row]), results + (long)row * weight.Outputs + output, room);
    }

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static void One(sbyte* tile, short* x, int inputs, int* sums)
    {
        var (a0, a1, a2, a3) = (Vector512<int>.Zero, Vector512<int>.Zero, Vector512<int>.Zero, Vector512<int>.Zero);
        var (a4, a5, a6, a7) = (a0, a1, a2, a3);
        for (var end = x + inputs; x < end; x += Fours, tile += Registers * BytesOfRegister)
        {
            Ahead.Lines4(tile);
            var four = Four(x);
            (a0, a1) = (Sum(a0, Wide(tile), four), Sum(a1, Wide(tile + BytesOfRegister), four));
            (a2, a3) = (Sum(a2, Wide(tile + 2 * BytesOfRegister), four), Sum(a3, Wide(tile + 3 * BytesOfRegister), four));
            (a4, a5) = (Sum(a4, Wide(tile + 4 * BytesOfRegister), four), Sum(a5, Wide(tile + 5 * BytesOfRegister), four));
            (a6, a7) = (Sum(a6, Wide(tile + 6 * BytesOfRegister), four), Sum(a7, Wide(tile + 7 * BytesOfRegister), four));
        }
        Put(sums, a0, a1, a2, a3);
        Put(sums + Tile / 2, a4, a5, a6, a7);
    }

    /// <summary>The same of half a tile for four rows: the weights are widened once, and sixteen sums stay in registers.</summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static void Four(sbyte* tile, short* x, int inputs, int* sums)
    {
        var (a0, a1, a2, a3) = (Vector512<int>.Zero, Vector512<int>.Zero, Vector512<int>.Zero, Vector512<int>.Zero);
        var (b0, b1, b2, b3) = (a0, a1, a2, a3);
        var (c0, c1, c2, c3) = (a0, a1, a2, a3);
        var (d0, d1, d2, d3) = (a0, a1, a2, a3);
        for (var end = x + inputs; x < end; x += Fours, tile += Registers * BytesOfRegister)
        {
            Ahead.Lines2(tile);
            var (a, b, c, d) = (Four(x), Four(x + inputs), Four(x + 2 * inputs), Four(x + 3 * inputs));
            var wide = Wide(tile);
            (a0, b0, c0, d0) = (Sum(a0, wide, a), Sum(b0, wide, b), Sum(c0, wide, c), Sum(d0, wide, d));
            wide = Wide(tile + BytesOfRegister);
            (a1, b1, c1, d1) = (Sum(a1, wide, a), Sum(b1, wide, b), Sum(c1, wide, c), Sum(d1, wide, d));
            wide = Wide(tile + 2 * BytesOfRegister);
            (a2, b2, c2, d2) = (Sum(a2, wide, a), Sum(b2, wide, b), Sum(c2, wide, c), Sum(d2, wide, d));
            wide = Wide(tile + 3 * BytesOfRegister);
            (a3, b3, c3, d3) = (Sum(a3, wide, a), Sum(b3, wide, b), Sum(c3, wide, c), Sum(d3, wide, d));
        }
        Put(sums, a0, a1, a2, a3);
        Put(sums + Tile, b0, b1, b2, b3);
        Put(sums + 2 * Tile, c0, c1, c2, c3);
        Put(sums + 3 * Tile, d0, d1, d2, d3);
    }

    /// <summary>Four inputs, as often as a register has room.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static Vector512<short> Four(short* inputs) => Vector512.Create(*(long*)inputs).AsInt16();

    /// <summary>Four weights of each of eight outputs.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static Vector512<short> Wide(sbyte* weights) => Avx512BW.ConvertToVector512Int16(Vector256.Load(weights));

    /// <summary>Two sums of each output.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static Vector512<int> Sum(Vector512<int> sum, Vector512<short> weights, Vector512<short> inputs) => sum + Avx512BW.MultiplyAddAdjacent(weights, inputs);

    private static void Put(int* sums, Vector512<int> first, Vector512<int> second, Vector512<int> third, Vector512<int> fourth)
    {
        Together(first).Store(sums);
        Together(second).Store(sums + OutputsOfRegister);
        Together(third).Store(sums + 2 * OutputsOfRegister);
        Together(fourth).Store(sums + 3 * OutputsOfRegister);
    }

    private static Vector256<int> Together(Vector512<int> sums) => Avx512F.ConvertToVector256Int32((sums + (sums.AsInt64() >>> 32).AsInt32()).AsInt64());

    /// <summary>Rounds twice, as oneDNN's product and its multiplication by the rows' scales do.</summary>
    private static void Store(int* sums, float* scales, float rowScale, ushort* results, int room)
    {
        var at = 0;
        for (; at <= room - BFloat16Lanes.Half; at += BFloat16Lanes.Half)
            BFloat16Lanes.StoreHalf(BFloat16Lanes.Round(Vector512.ConvertToSingle(Vector512.Load(sums + at)) * Vector512.Load(scales + at)) * Vector512.Create(rowScale), results + at);
        for (; at < room; at++) results[at] = BFloat16Lanes.Bits(BFloat16Lanes.Wide(BFloat16Lanes.Bits(sums[at] * scales[at])) * rowScale);
    }
}
