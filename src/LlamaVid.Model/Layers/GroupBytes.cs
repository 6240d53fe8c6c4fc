using System.Runtime.Intrinsics;

namespace LlamaVid.Model.Layers;

/// <summary>Rounds a row of bfloat16 to signed bytes, each group of 128 values with a scale of its own: value ≈ byte · scale. Knows no weights.</summary>
/// <remarks>A group with an infinity or a NaN gets the scale NaN, and so do the products of its row.</remarks>
internal static unsafe class GroupBytes
{
    /// <summary>Rows whose factors lie together: of each group 8 scales, then 8 sums.</summary>
    public const int Rows = 8;

    private const int Steps = 127, Infinity = 0x7F80;
    private const ushort Magnitude = 0x7FFF;

    /// <summary>Added to a small float, leaves the nearest whole number in the lowest byte of its bits.</summary>
    private static readonly Vector512<float> ToByte = Vector512.Create(12582912f);

    /// <param name="values">groups · 128 of them</param>
    /// <param name="bytes">as many</param>
    /// <param name="factors">of the row's first group: its scale; behind those of eight rows the sum of its bytes, times the scale</param>
    public static void Round(ushort* values, int groups, sbyte* bytes, float* factors)
    {
        for (var group = 0; group < groups; group++, values += WeightRounding.Group, bytes += WeightRounding.Group, factors += 2 * Rows)
        {
            var greatest = Greatest(values);
            var isFinite = greatest < Infinity;
            var scale = isFinite ? BFloat16Lanes.Wide(greatest) / Steps : float.NaN;
            var inverse = Vector512.Create(scale > 0 ? 1 / scale : 0);
            var sum = Vector512<int>.Zero;
            for (var at = 0; at < WeightRounding.Group; at += Vector512<byte>.Count)
            {
                var rounded = Vector512.Narrow(Pair(values + at, inverse), Pair(values + at + BFloat16Lanes.Count, inverse)).AsSByte();
                rounded.Store(bytes + at);
                sum += ByteProducts.Fours(Vector512<byte>.One, rounded);
            }
            (factors[0], factors[Rows]) = (scale, scale * Vector512.Sum(sum));
        }
    }

    private static Vector512<ushort> Pair(ushort* values, Vector512<float> inverse)
    {
        var (first, second) = BFloat16Lanes.Load(values);
        return Vector512.Narrow((first * inverse + ToByte).AsUInt32(), (second * inverse + ToByte).AsUInt32()) & Vector512.Create((ushort)0xFF);
    }

    /// <summary>Magnitudes of floats are ordered as their bits are.</summary>
    private static ushort Greatest(ushort* values)
    {
        var most = Vector512<ushort>.Zero;
        for (var at = 0; at < WeightRounding.Group; at += BFloat16Lanes.Count) most = Vector512.Max(most, Vector512.Load(values + at) & Vector512.Create(Magnitude));
        var half = Vector256.Max(most.GetLower(), most.GetUpper());
        var quarter = Vector128.Max(half.GetLower(), half.GetUpper());
        ushort greatest = 0;
        for (var i = 0; i < Vector128<ushort>.Count; i++) greatest = Math.Max(greatest, quarter[i]);
        return greatest;
    }
}
