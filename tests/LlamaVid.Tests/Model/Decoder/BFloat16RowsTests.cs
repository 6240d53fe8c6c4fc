using System.Runtime.Intrinsics;
using LlamaVid.Model.Decoder;
using LlamaVid.Model.Layers;
using static TorchSharp.torch;

namespace LlamaVid.Tests.Model.Decoder;

/// <summary>Norm, rotation and gates by loops of our own are those of the tensor operators.</summary>
[Collection(AloneCollection.Name)]
public sealed class BFloat16RowsTests
{
    [Theory]
    [InlineData(1, 32)]
    [InlineData(3, 128)]
    [InlineData(70, 2048)]
    public void Norms_are_those_of_the_operators(int rows, int width)
    {
        Assert.SkipUnless(Vector512.IsHardwareAccelerated, "this processor has no registers of 512 bits");
        using var norm = new RmsNorm(width, 1e-5, new(ScalarType.BFloat16, CPU));
        using (no_grad()) norm.weight.normal_(1, 0.2);
        using var scope = NewDisposeScope();
        var x = randn(rows, width).to(ScalarType.BFloat16).mul_(tensor(3f));
        var expected = norm.call(x);                                        // with gradients: the operators
        using var inference = inference_mode();
        TensorAssert.Close(expected, norm.call(x), 0.05);                   // of values up to 6: one step of bfloat16 where sums differ in their last bits
        Assert.InRange((double)norm.call(x).sub(expected).abs().mean().to(ScalarType.Float64), 0, 1e-4);
    }

    [Theory]
    [InlineData(1, 1, 64)]
    [InlineData(5, 3, 128)]
    [InlineData(90, 16, 128)]
    [InlineData(2, 3, 32)]
    [InlineData(5, 20, 80)]
    [InlineData(5, 4, 96)]
    [InlineData(5, 4, 100)]
    [InlineData(5, 4, 34)]
    public void Rotations_are_those_of_the_operators(int rows, int heads, int size)
    {
        Assert.SkipUnless(Vector512.IsHardwareAccelerated, "this processor has no registers of 512 bits");
        using var inference = inference_mode();
        using var scope = NewDisposeScope();
        var angles = rand(rows, 1, size / 2).repeat(1, 1, 2);
        var (x, cos, sin) = (randn(rows, heads, size).to(ScalarType.BFloat16), angles.cos().to(ScalarType.BFloat16), angles.sin().to(ScalarType.BFloat16));
        var expected = RotaryTable.Rotate(x.to(ScalarType.Float32), cos.to(ScalarType.Float32), sin.to(ScalarType.Float32));
        BFloat16Rows.Rotate(x, cos, sin);
        TensorAssert.Close(expected.to(ScalarType.BFloat16), x, 1e-6);
    }

    [Theory]
    [InlineData(1, 32)]
    [InlineData(3, 5632)]
    [InlineData(90, 1408)]
    public void Gates_are_those_of_the_operators(int rows, int width)
    {
        Assert.SkipUnless(Vector512.IsHardwareAccelerated, "this processor has no registers of 512 bits");
        using var inference = inference_mode();
        using var scope = NewDisposeScope();
        var (gate, up) = (randn(rows, width).mul(20f).to(ScalarType.BFloat16), randn(rows, width).to(ScalarType.BFloat16));
        foreach (var (place, value) in new[] { (0, 300f), (1, -300f), (2, float.PositiveInfinity), (3, float.NaN) }) gate[0, place] = value;
        var expected = nn.functional.silu(gate).mul(up).to(ScalarType.Float32);
        BFloat16Rows.Gate(gate, up);
        var actual = gate.to(ScalarType.Float32);
        Assert.True(actual.isnan().equal(expected.isnan()).all().item<bool>());
        Assert.True(actual.isinf().equal(expected.isinf()).all().item<bool>());
        var (known, size) = (expected.isfinite(), expected.abs().mul(1f / 128));           // a step of bfloat16, where an exponential differs in its last bit
        Assert.True(actual.sub(expected).abs().le(size)[known].all().item<bool>());
        Assert.InRange(actual.ne(expected)[known].to(ScalarType.Float32).mean().item<float>(), 0, 0.01f);
    }
}
