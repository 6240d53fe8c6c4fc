using System.Runtime.InteropServices;
using System.Runtime.Intrinsics;

namespace LlamaVid.Model.Layers;

/// <summary>Rounds rows of bfloat16 to bytes around 128, each row with its own scale: value ≈ (byte - 128) · scale.</summary>
/// <remarks>
/// Through tensor operators this takes eight passes over the rows, which cost a fifth of an 8-bit product of 512 rows; here the row is read while it is in the cache.
/// A row with an infinity or a NaN gets the scale NaN, and so does its product.
/// </remarks>
internal static unsafe class RowBytes
{
    private const int Steps = 127;
    private const ushort Magnitude = 0x7FFF, Infinity = 0x7F80, NotANumber = 0x7FC0;
    private const float Smallest = 1e-30f;                                  // a row of zeros has some scale

    /// <summary>Added to a small float, leaves the nearest whole number, here plus 128, in the lowest byte of its bits.</summary>
    private const float ToByte = 12582912 + 128;

    private const int ValuesPerTask = 1 << 16;

    /// <param name="rows">[M, K] bfloat16, contiguous, on the CPU</param>
    /// <returns>[M, K] bytes, and [M, 1] scales in bfloat16</returns>
    public static (Tensor Bytes, Tensor Scales) Round(Tensor rows)
    {
        var (count, width) = ((int)rows.shape[0], (int)rows.shape[1]);
        var (bytes, scales) = (torch.empty([count, width], ScalarType.Byte), torch.empty([count, 1], ScalarType.BFloat16));
        fixed (byte* from = rows.bytes, to = bytes.bytes, scale = scales.bytes)
        {
            var (values, targets, factors, together) = ((nint)from, (nint)to, (nint)scale, Math.Max(1, ValuesPerTask / width));
            if (count <= together) RoundRows(0, count);
            else Parallel.For(0, (count + together - 1) / together, task => RoundRows(task * together, Math.Min(count, (task + 1) * together)));

            void RoundRows(int first, int end)
            {
                for (var row = first; row < end; row++)
                    ((ushort*)factors)[row] = RoundRow(
                        MemoryMarshal.CreateReadOnlySpan(ref ((ushort*)values)[(long)row * width], width), MemoryMarshal.CreateSpan(ref ((byte*)targets)[(long)row * width], width));
            }
        }
        return (bytes, scales);
    }

    /// <returns>the bits of the row's scale</returns>
    private static ushort RoundRow(ReadOnlySpan<ushort> values, Span<byte> bytes)
    {
        var greatest = Greatest(values);
        if (greatest >= Infinity)
        {
            bytes.Clear();
            return NotANumber;
        }
        var scale = Up(Math.Max(BFloat16Lanes.Wide(greatest), Smallest) / Steps);
        var (inverse, at) = (1 / BFloat16Lanes.Wide(scale), 0);
        var (factors, offsets) = (Vector512.Create(inverse), Vector512.Create(ToByte));
        for (; at <= values.Length - Vector512<byte>.Count; at += Vector512<byte>.Count)
        {
            var (low, high) = (Pair(values[at..]), Pair(values[(at + Vector512<ushort>.Count)..]));
            Vector512.Narrow(low, high).CopyTo(bytes[at..]);
        }
        for (; at < values.Length; at++) bytes[at] = (byte)BitConverter.SingleToInt32Bits(BFloat16Lanes.Wide(values[at]) * inverse + ToByte);
        return scale;

        Vector512<ushort> Pair(ReadOnlySpan<ushort> from)
        {
            var (first, second) = Vector512.Widen(Vector512.Create(from));
            return Vector512.Narrow(Bits(first), Bits(second)) & Vector512.Create((ushort)0xFF);
        }

        Vector512<uint> Bits(Vector512<uint> halves) => ((halves << 16).AsSingle() * factors + offsets).AsUInt32();
    }

    /// <summary>Magnitudes of floats are ordered as their bits are.</summary>
    private static ushort Greatest(ReadOnlySpan<ushort> values)
    {
        var (most, at) = (Vector512<ushort>.Zero, 0);
        for (; at <= values.Length - Vector512<ushort>.Count; at += Vector512<ushort>.Count)
            most = Vector512.Max(most, Vector512.Create(values[at..]) & Vector512.Create(Magnitude));
        ushort greatest = 0;
        for (var i = 0; i < Vector512<ushort>.Count; i++) greatest = Math.Max(greatest, most[i]);
        for (; at < values.Length; at++) greatest = Math.Max(greatest, (ushort)(values[at] & Magnitude));
        return greatest;
    }

    /// <summary>The least bfloat16 that is no less, so that no byte overflows and the product's scale is exactly the one that was divided by.</summary>
    private static ushort Up(float value) => (ushort)((BitConverter.SingleToInt32Bits(value) + 0xFFFF) >> 16);
}
