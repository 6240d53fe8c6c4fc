using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;

namespace LlamaVid.Model.Decoder;

/// <summary>Norm, rotation and gates of rows of bfloat16 in one pass each, where tensor operators take up to seven. Knows no layers.</summary>
internal static unsafe class BFloat16Rows
{
    /// <summary>x / rms(x), rounded, times the weight: the roundings of <see cref="RmsNorm"/>.</summary>
    /// <param name="input">[N, W] contiguous</param>
    /// <param name="weight">[W]</param>
    public static Tensor Normalise(Tensor input, Tensor weight, float eps)
    {
        var (rows, width) = ((int)input.shape[0], (int)input.shape[1]);
        var result = torch.empty([rows, width], input.dtype);
        var (from, to, factors) = (BFloat16Lanes.Address(input), BFloat16Lanes.Address(result), BFloat16Lanes.Address(weight));
        BFloat16Lanes.ForRows(rows, width, row => Normalise((ushort*)from + (long)row * width, (ushort*)factors, (ushort*)to + (long)row * width, width, eps));
        return result;
    }

    /// <summary>Rotates pairs (i, i + D/2) in place.</summary>
    /// <param name="x">[N, H, D] contiguous</param>
    /// <param name="cos">[N, 1, D], its halves alike</param>
    /// <param name="sin">[N, 1, D], its halves alike</param>
    public static void Rotate(Tensor x, Tensor cos, Tensor sin)
    {
        var (rows, heads, size) = ((int)x.shape[0], (int)x.shape[1], (int)x.shape[2]);
        var (values, cosines, sines) = (BFloat16Lanes.Address(x), BFloat16Lanes.Address(cos), BFloat16Lanes.Address(sin));
        BFloat16Lanes.ForRows(rows, heads * size, row =>
        {
            for (var head = 0; head < heads; head++)
                Rotate((ushort*)values + ((long)row * heads + head) * size, (ushort*)cosines + (long)row * size, (ushort*)sines + (long)row * size, size / 2);
        });
    }

    /// <summary>silu(gate), rounded, times up: in place of the gate.</summary>
    /// <param name="gate">[N, W] contiguous</param>
    /// <param name="up">[N, W] contiguous</param>
    public static void Gate(Tensor gate, Tensor up)
    {
        var (rows, width) = ((int)gate.shape[0], (int)gate.shape[1]);
        var (gates, factors) = (BFloat16Lanes.Address(gate), BFloat16Lanes.Address(up));
        BFloat16Lanes.ForRows(rows, width, row => Gate((ushort*)gates + (long)row * width, (ushort*)factors + (long)row * width, width));
    }

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]              // the first rows of a process are as fast as the later ones
    private static void Normalise(ushort* from, ushort* weight, ushort* to, int width, float eps)
    {
        var squares = Vector512<float>.Zero;
        for (var i = 0; i < width; i += BFloat16Lanes.Count)
        {
            var (first, second) = BFloat16Lanes.Load(from + i);
            squares += first * first + second * second;
        }
        var scale = Vector512.Create(1 / MathF.Sqrt(Vector512.Sum(squares) / width + eps));
        for (var i = 0; i < width; i += BFloat16Lanes.Count)
        {
            var (first, second) = BFloat16Lanes.Load(from + i);
            var (firstWeight, secondWeight) = BFloat16Lanes.Load(weight + i);
            BFloat16Lanes.Store(BFloat16Lanes.Round(first * scale) * firstWeight, BFloat16Lanes.Round(second * scale) * secondWeight, to + i);
        }
    }

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static void Gate(ushort* gate, ushort* up, int width)
    {
        for (var i = 0; i < width; i += BFloat16Lanes.Count)
        {
            var (even, odd) = BFloat16Lanes.LoadPairs(gate + i);
            var (evenUp, oddUp) = BFloat16Lanes.LoadPairs(up + i);
            BFloat16Lanes.StorePairs(BFloat16Lanes.Round(Silu(even)) * evenUp, BFloat16Lanes.Round(Silu(odd)) * oddUp, gate + i);
        }
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static Vector512<float> Silu(Vector512<float> x) => x / (Vector512<float>.One + Vector512.Exp(-x));

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static void Rotate(ushort* head, ushort* cos, ushort* sin, int half)
    {
        var end = half - BFloat16Lanes.Half;
        var (left, right) = Rotated(end);                                   // covers some of the registers before it, so it is read before they are written
        for (var i = 0; i < end; i += BFloat16Lanes.Half)
        {
            var (first, second) = Rotated(i);
            BFloat16Lanes.StoreHalf(first, head + i);
            BFloat16Lanes.StoreHalf(second, head + half + i);
        }
        BFloat16Lanes.StoreHalf(left, head + end);
        BFloat16Lanes.StoreHalf(right, head + half + end);

        (Vector512<float> Left, Vector512<float> Right) Rotated(int at)
        {
            var (x, y) = (BFloat16Lanes.LoadHalf(head + at), BFloat16Lanes.LoadHalf(head + half + at));
            var (cosine, sine) = (BFloat16Lanes.LoadHalf(cos + at), BFloat16Lanes.LoadHalf(sin + at));
            return (x * cosine - y * sine, y * cosine + x * sine);
        }
    }
}
