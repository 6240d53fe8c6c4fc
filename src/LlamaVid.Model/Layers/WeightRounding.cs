using System.Buffers;
using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;

namespace LlamaVid.Model.Layers;

/// <summary>Rounds weights to few bits, a row at a time while it is in the cache. Knows no products.</summary>
/// <remarks>
/// Through tensor operators rounding takes eight passes over float32 copies, which were most of the time in which a model was loaded. The loops are compiled in full at once: loading is over
/// before the runtime would find out that they are worth it.
/// </remarks>
internal static unsafe class WeightRounding
{
    /// <summary>Inputs that share a scale in 4 bits, and outputs that lie together.</summary>
    public const int Group = 128, Tile = 16;

    private const int Int8Steps = 127, Int4Steps = 15, Int4Middle = 8, Half = Group / 2;
    private const float Least = 1e-12f;

    /// <summary>Added to a small float, leaves the nearest whole number, ties to even, in the lowest byte of its bits.</summary>
    private static readonly Vector512<float> ToByte = Vector512.Create(12582912f);

    /// <param name="weight">[outputs, inputs]; the greatest magnitude of an output becomes 127</param>
    /// <returns>[outputs, inputs] int8, and [outputs] scales in float32</returns>
    public static (Tensor Integers, Tensor Scales) ToInt8(Tensor weight)
    {
        var (outputs, inputs) = ((int)weight.shape[0], (int)weight.shape[1]);
        var (integers, scales) = (torch.empty([outputs, inputs], ScalarType.Int8), torch.empty([outputs], ScalarType.Float32));
        var (to, factors) = (BFloat16Lanes.Address(integers), BFloat16Lanes.Address(scales));
        ForRows(weight, (row, values) => ((float*)factors)[row] = ToInt8(values, (byte*)to + (long)row * inputs));
        return (integers, scales);
    }

    /// <summary>Each group of 128 inputs of an output lies between two values of its own: value ≈ (step - 8) · scale + middle.</summary>
    /// <remarks>
    /// Outputs lie in tiles of 16, whose last is filled up with zeros. Of a group a tile has 16 registers of 64 bytes; register r holds for each output, in the lower halves of four bytes, the steps
    /// 4r to 4r + 3, and in the upper halves those 64 further on.
    /// </remarks>
    /// <param name="weight">[outputs, inputs], inputs in whole groups</param>
    /// <returns>[tiles, groups, 16, 64] bytes; scales and middles [tiles, groups, 16] in bfloat16</returns>
    public static (Tensor Steps, Tensor Scales, Tensor Middles) ToInt4(Tensor weight)
    {
        var (outputs, groups) = ((int)weight.shape[0], (int)weight.shape[1] / Group);
        var tiles = (outputs + Tile - 1) / Tile;
        var steps = torch.zeros([tiles, groups, Tile, Half], ScalarType.Byte);
        var (scales, middles) = (torch.zeros([tiles, groups, Tile], ScalarType.BFloat16), torch.zeros([tiles, groups, Tile], ScalarType.BFloat16));
        var (to, factors, offsets) = (BFloat16Lanes.Address(steps), BFloat16Lanes.Address(scales), BFloat16Lanes.Address(middles));
        ForRows(weight, (row, values) =>
        {
            for (var group = 0; group < groups; group++)
            {
                var (tile, output) = (((long)row / Tile * groups) + group, row % Tile);
                (((ushort*)factors)[tile * Tile + output], ((ushort*)offsets)[tile * Tile + output]) =
                    ToInt4(values.Slice(group * Group, Group), (uint*)to + tile * Tile * Tile + output);
            }
        });
        return (steps, scales, middles);
    }

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static float ToInt8(ReadOnlySpan<float> values, byte* to)
    {
        var (most, at) = (Vector512<float>.Zero, 0);
        for (; at <= values.Length - Vector512<float>.Count; at += Vector512<float>.Count) most = Vector512.Max(most, Vector512.Abs(Vector512.Create(values[at..])));
        var greatest = Least;
        for (var i = 0; i < Vector512<float>.Count; i++) greatest = Math.Max(greatest, most[i]);
        for (; at < values.Length; at++) greatest = Math.Max(greatest, Math.Abs(values[at]));

        var scale = greatest / Int8Steps;
        var divisor = Vector512.Create(scale);
        for (at = 0; at <= values.Length - Vector512<byte>.Count; at += Vector512<byte>.Count)
            Bytes(values[at..], divisor, Vector512<float>.Zero).Store(to + at);
        for (; at < values.Length; at++) to[at] = (byte)(sbyte)MathF.Round(values[at] / scale);
        return scale;
    }

    /// <param name="to">four bytes of each register of a group</param>
    /// <returns>the bits of scale and middle</returns>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static (ushort Scale, ushort Middle) ToInt4(ReadOnlySpan<float> values, uint* to)
    {
        var (least, most) = (Vector512.Create(values), Vector512.Create(values));
        for (var at = Vector512<float>.Count; at < Group; at += Vector512<float>.Count)
        {
            var next = Vector512.Create(values[at..]);
            (least, most) = (Vector512.Min(least, next), Vector512.Max(most, next));
        }
        var (from, end) = (least[0], most[0]);
        for (var i = 1; i < Vector512<float>.Count; i++) (from, end) = (Math.Min(from, least[i]), Math.Max(end, most[i]));

        var scale = BFloat16Lanes.Bits(Math.Max(end - from, Least) / Int4Steps);
        var (divisor, start) = (Vector512.Create(BFloat16Lanes.Wide(scale)), Vector512.Create(from));
        var greatest = Vector512.Create((byte)Int4Steps);
        var (low, high) = (Vector512.Min(Bytes(values, divisor, start), greatest), Vector512.Min(Bytes(values[Half..], divisor, start), greatest));
        var fours = (low | high << 4).AsUInt32();
        for (var register = 0; register < Tile; register++) to[register * Tile] = fours[register];
        return (scale, BFloat16Lanes.Bits(BFloat16Lanes.Wide(scale) * Int4Middle + from));
    }

    /// <summary>(values - start) / divisor of 64 values, rounded; negative ones as two's complement.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static Vector512<byte> Bytes(ReadOnlySpan<float> values, Vector512<float> divisor, Vector512<float> start)
    {
        return Vector512.Narrow(Pair(values), Pair(values[(2 * Vector512<float>.Count)..]));

        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        Vector512<ushort> Pair(ReadOnlySpan<float> from) =>
            Vector512.Narrow(Bits(from), Bits(from[Vector512<float>.Count..])) & Vector512.Create((ushort)0xFF);

        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        Vector512<uint> Bits(ReadOnlySpan<float> from) => ((Vector512.Create(from) - start) / divisor + ToByte).AsUInt32();
    }

    private delegate void RowTaker(int row, ReadOnlySpan<float> values);

    /// <summary>Hands over every row as float32.</summary>
    private static void ForRows(Tensor weight, RowTaker take)
    {
        using var wide = weight.dtype is ScalarType.BFloat16 or ScalarType.Float32 ? weight.alias() : weight.to(ScalarType.Float32);
        var (width, isWide, from) = ((int)wide.shape[1], wide.dtype == ScalarType.Float32, BFloat16Lanes.Address(wide));
        BFloat16Lanes.ForRows((int)wide.shape[0], width, row =>
        {
            if (isWide)
            {
                take(row, new((float*)from + (long)row * width, width));
                return;
            }
            var values = ArrayPool<float>.Shared.Rent(width);
            BFloat16Lanes.Widen(new((ushort*)from + (long)row * width, width), values);
            take(row, values.AsSpan(0, width));
            ArrayPool<float>.Shared.Return(values);
        });
    }
}
