using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;

namespace LlamaVid.Model.Layers;

/// <summary>Loads bfloat16 as float32 and stores it again, 32 values at a time; and tells where loops of our own may run in place of tensor operators.</summary>
internal static unsafe class BFloat16Lanes
{
    public const int Count = 32;

    /// <summary>Values in one register of floats: what head sizes are divided by.</summary>
    public const int Half = Count / 2;

    private const int ValuesPerTask = 1 << 16;

    /// <summary>In inference on a CPU with registers of 512 bits.</summary>
    public static bool Fit(Tensor values) =>
        values.dtype == ScalarType.BFloat16 && values.device_type == DeviceType.CPU && Vector512.IsHardwareAccelerated && !torch.is_grad_enabled();

    /// <summary>The same, where <paramref name="width"/> is a multiple of what the registers hold.</summary>
    public static bool Fit(Tensor values, long width) => width % Count == 0 && Fit(values);

    /// <summary>Of the first value of a contiguous tensor on the CPU. Memory of a tensor does not move.</summary>
    public static nint Address(Tensor tensor)
    {
        using var row = tensor.view(-1);
        using var first = row.narrow(0, 0, 1);
        fixed (byte* start = first.bytes) return (nint)start;
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static (Vector512<float> First, Vector512<float> Second) Load(ushort* values)
    {
        var (first, second) = Vector512.Widen(Vector512.Load(values));
        return ((first << 16).AsSingle(), (second << 16).AsSingle());
    }

    /// <summary>Rounds to nearest, ties to even.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void Store(Vector512<float> first, Vector512<float> second, ushort* values) => Vector512.Narrow(Rounded(first), Rounded(second)).Store(values);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector512<float> LoadHalf(ushort* values) => (Vector512.WidenLower(Vector256.Load(values).ToVector512Unsafe()) << 16).AsSingle();

    /// <inheritdoc cref="Store"/>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void StoreHalf(Vector512<float> values, ushort* to) => Vector512.Narrow(Rounded(values), Rounded(values)).GetLower().Store(to);

    /// <summary>Of sixteen pairs the floats of even and of odd places: less work than in their order, where only sums or equally ordered factors follow.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static (Vector512<float> Even, Vector512<float> Odd) LoadPairs(ushort* values)
    {
        var pairs = Vector512.Load((uint*)values);
        return ((pairs << 16).AsSingle(), (pairs & Vector512.Create(0xFFFF0000)).AsSingle());
    }

    /// <inheritdoc cref="Store"/>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void StorePairs(Vector512<float> even, Vector512<float> odd, ushort* values) => (Rounded(even) | Rounded(odd) << 16).Store((uint*)values);

    /// <summary>What comes back of a value that is stored and loaded.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector512<float> Round(Vector512<float> values) => (Rounded(values) << 16).AsSingle();

    /// <summary>Rounds sums of a row, with what is added to each.</summary>
    /// <param name="bias">of the first of them, or null</param>
    public static void StoreSums(float* sums, ushort* bias, ushort* results, int count)
    {
        var at = 0;
        for (; at <= count - Half; at += Half) StoreHalf(Vector512.Load(sums + at) + (bias == null ? Vector512<float>.Zero : LoadHalf(bias + at)), results + at);
        for (; at < count; at++) results[at] = Bits(sums[at] + (bias == null ? 0 : Wide(bias[at])));
    }

    /// <summary>The float of 16 bits.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static float Wide(ushort bits) => BitConverter.Int32BitsToSingle(bits << 16);

    /// <summary>Rounds a finite number to nearest, ties to even.</summary>
    public static ushort Bits(float value)
    {
        var bits = BitConverter.SingleToUInt32Bits(value);
        return (ushort)((bits + 0x7FFF + (bits >> 16 & 1)) >> 16);
    }

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public static void Widen(ReadOnlySpan<ushort> values, Span<float> wide)
    {
        var at = 0;
        for (; at <= values.Length - Count; at += Count)
        {
            var (first, second) = Vector512.Widen(Vector512.Create(values[at..]));
            (first << 16).AsSingle().CopyTo(wide[at..]);
            (second << 16).AsSingle().CopyTo(wide[(at + Count / 2)..]);
        }
        for (; at < values.Length; at++) wide[at] = Wide(values[at]);
    }

    /// <summary>Runs over rows, on several threads when they hold enough values for that.</summary>
    public static void ForRows(int rows, int width, Action<int> row)
    {
        if ((long)rows * width <= ValuesPerTask)
            for (var i = 0; i < rows; i++) row(i);
        else Parallel.For(0, rows, row);
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static Vector512<uint> Rounded(Vector512<float> values)
    {
        var bits = values.AsUInt32();
        return (bits + Vector512.Create(0x7FFFu) + (bits >> 16 & Vector512<uint>.One)) >> 16;
    }
}
