using System.Runtime.Intrinsics;

namespace LlamaVid.Model.Decoder;

/// <summary>Norm and rotation of rows of bfloat16 in one pass each, where tensor operators take seven. Knows no layers.</summary>
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

    private static void Rotate(ushort* head, ushort* cos, ushort* sin, int half)
    {
        for (var i = 0; i < half; i += BFloat16Lanes.Count)
        {
            var (left0, left1) = BFloat16Lanes.Load(head + i);
            var (right0, right1) = BFloat16Lanes.Load(head + half + i);
            var (cos0, cos1) = BFloat16Lanes.Load(cos + i);
            var (sin0, sin1) = BFloat16Lanes.Load(sin + i);
            BFloat16Lanes.Store(left0 * cos0 - right0 * sin0, left1 * cos1 - right1 * sin1, head + i);
            BFloat16Lanes.Store(right0 * cos0 + left0 * sin0, right1 * cos1 + left1 * sin1, head + half + i);
        }
    }
}
