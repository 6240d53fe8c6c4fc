using System.Diagnostics;
using LlamaVid.Benchmarks.Measures;
using LlamaVid.Model.Layers;
using TorchSharp;
using static TorchSharp.torch;

namespace LlamaVid.Benchmarks.Throughput;

/// <summary>What the machine can do at best, measured with the library's own kernels: reading memory, and multiplying matrices. The best run counts.</summary>
/// <param name="ReadGbS">reading 1 GB of float32 once, as a sum does</param>
/// <param name="Bf16GflopS">the best of <c>linear</c>, the product with a packed weight and float32, as which bfloat16 can be multiplied too</param>
/// <param name="Int8GopS">the better of <c>aten::_int_mm</c> and the product with a packed weight, rows rounded beforehand</param>
internal sealed record Ceilings(double ReadGbS, double F32GflopS, double Bf16GflopS, double Int8GopS)
{
    private const int Runs = 5;

    /// <param name="size">elements to read in millions, and side of the matrices in multiples of 16: 256 for a measurement, less for a trial</param>
    public static Ceilings Measure(int size)
    {
        using var inference = inference_mode();
        using var scope = NewDisposeScope();
        long elements = size * 1_000_000L, side = size * 16L;
        var numbers = ones(elements);
        var operations = 2.0 * side * side * side / 1e9;
        var (reading, wide) = (Best(() => numbers.sum()), Best(Product(ScalarType.Float32)));
        return new(
            elements * 4 / 1e9 / reading,
            operations / wide,
            operations / Math.Min(wide, Math.Min(Best(Product(ScalarType.BFloat16)), Best(Packed()))),
            operations / Math.Min(Best(Integers()), Best(PackedIntegers())));

        Func<Tensor> Product(ScalarType dtype)
        {
            var (a, b) = (randn(side, side).to(dtype), randn(side, side).to(dtype));
            return () => nn.functional.linear(a, b);                         // as the model's layers: a · bᵀ
        }

        Func<Tensor> Packed()
        {
            var (rows, weight) = (randn(side, side).to(ScalarType.BFloat16), randn(side, side).to(ScalarType.BFloat16));
            if (!BFloat16Weight.Fits(weight)) return () => nn.functional.linear(rows, weight);
            var packed = OneDnn.Reorder(weight);
            return () => OneDnn.Multiply(rows, packed, null);
        }

        Func<Tensor> PackedIntegers()
        {
            var packed = OneDnn.PackInt8(randint(-127, 127, [side, side], dtype: ScalarType.Int8));
            var (rows, rowScales) = (randint(1, 255, [side, side], dtype: ScalarType.Byte), ones(side, 1, dtype: ScalarType.BFloat16));
            var (scales, zeros) = (ones(side), torch.zeros(side, ScalarType.Int32));
            return () => OneDnn.Multiply(rows, rowScales, packed, scales, zeros, null);
        }

        Func<Tensor> Integers()
        {
            var (a, b) = (randint(-127, 127, [side, side], dtype: ScalarType.Int8), randint(-127, 127, [side, side], dtype: ScalarType.Int8));
            var product = jit.compile("def product(a, b):\n    return torch._int_mm(a, b.t())\n");
            return () => (Tensor)product.invoke("product", a, b);
        }
    }

    /// <returns>seconds</returns>
    private static double Best(Func<Tensor> work)
    {
        work().Dispose();
        return Repeated.Of(Enumerable.Range(0, Runs).Select(_ =>
        {
            var begin = Stopwatch.GetTimestamp();
            work().Dispose();
            return Stopwatch.GetElapsedTime(begin).TotalSeconds;
        })).Min;
    }
}
