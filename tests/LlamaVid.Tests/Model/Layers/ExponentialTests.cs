using System.Runtime.Intrinsics;
using LlamaVid.Model.Layers;

namespace LlamaVid.Tests.Model.Layers;

/// <summary>The exponential of attention's weights against the exact one.</summary>
public sealed class ExponentialTests
{
    [Fact]
    public void It_is_exact_to_the_last_digits_of_a_float()
    {
        for (var x = 0f; x > -87; x -= 0.00137f)
            Assert.InRange(Exponential.Of(Vector512.Create(x))[7] / Math.Exp(x), 1 - 3e-7, 1 + 3e-7);
    }

    [Fact]
    public void What_is_far_below_weighs_nothing_and_what_is_no_number_stays_none()
    {
        Assert.InRange(Exponential.Of(Vector512.Create(-1e9f))[0], 0, 1e-37f);
        Assert.InRange(Exponential.Of(Vector512.Create(float.NegativeInfinity))[0], 0, 1e-37f);
        Assert.True(float.IsNaN(Exponential.Of(Vector512.Create(float.NaN))[0]));
    }
}
