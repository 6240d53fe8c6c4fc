using System.Runtime.CompilerServices;
using static TorchSharp.torch;

namespace LlamaVid.Tests;

/// <summary>Compares tensors and, when they differ, says where and by how much.</summary>
internal static class TensorAssert
{
    /// <summary>Same shape, and every value within <paramref name="atol"/>; two NaN or two equal infinities count as equal.</summary>
    public static void Close(Tensor expected, Tensor actual, double atol, [CallerArgumentExpression(nameof(actual))] string name = "")
    {
        if (!expected.shape.SequenceEqual(actual.shape))
            Assert.Fail($"{name}: expected shape {Shape(expected)}, got {Shape(actual)}.");

        var (wanted, got) = (Values(expected), Values(actual));
        var (max, sum, bad, first) = (0.0, 0.0, 0L, -1L);
        for (var i = 0; i < wanted.Length; i++)
        {
            if (wanted[i].Equals(got[i])) continue;
            var difference = Math.Abs(wanted[i] - got[i]);
            if (double.IsNaN(difference)) difference = double.PositiveInfinity;
            max = Math.Max(max, difference);
            sum += difference;
            if (difference <= atol) continue;
            bad++;
            if (first < 0) first = i;
        }
        if (bad > 0)
            Assert.Fail($"{name} {Shape(expected)}: {bad} of {wanted.Length} values differ by more than {atol:g3}; "
                + $"maximum {max:g4}, mean {sum / wanted.Length:g4}; first at {Index(first, expected.shape)}: expected {wanted[first]:g8}, got {got[first]:g8}.");
    }

    private static double[] Values(Tensor tensor)
    {
        using var plain = tensor.detach().cpu().to_type(ScalarType.Float64).contiguous();
        return plain.data<double>().ToArray();
    }

    private static string Shape(Tensor tensor) => $"[{string.Join(", ", tensor.shape)}]";

    private static string Index(long flat, long[] shape)
    {
        var index = new long[shape.Length];
        for (var axis = shape.Length - 1; axis >= 0; axis--) (flat, index[axis]) = Math.DivRem(flat, shape[axis]);
        return $"[{string.Join(", ", index)}]";
    }
}
