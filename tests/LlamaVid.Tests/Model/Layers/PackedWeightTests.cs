using System.Runtime.Intrinsics;
using LlamaVid.Model.Layers;
using static TorchSharp.torch;

namespace LlamaVid.Tests.Model.Layers;

/// <summary>Packed weights give the products of the weights they were made of, as nearly as their bits allow, whatever the sizes and whatever stands beside a row.</summary>
[Collection(AloneCollection.Name)]
public sealed class PackedWeightTests
{
    /// <summary>Relative to the usual size of a product, for weights and rows drawn from the normal distribution.</summary>
    private static readonly Dictionary<WeightForm, double> Errors = new()
    {
        [WeightForm.Plain] = 0.004, [WeightForm.BFloat16] = 0.004, [WeightForm.Int8] = 0.02, [WeightForm.Int4] = 0.13,
    };

    public static TheoryData<int, int> Sizes => new() { { 128, 128 }, { 352, 88 }, { 131, 5 }, { 1, 130 }, { 2048, 1408 }, { 1408, 6144 }, { 32003, 128 }, { 96, 384 } };

    [Theory]
    [MemberData(nameof(Sizes))]
    public void Products_are_near_the_exact_ones(int outputs, int inputs)
    {
        using var inference = inference_mode();
        manual_seed(1);
        foreach (var form in Enum.GetValues<WeightForm>())
            foreach (var rows in new[] { 1, 3, 17, 200 })
                using (NewDisposeScope())
                {
                    var (layer, exact) = Layer(inputs, outputs, form);
                    var x = randn(rows, inputs).to(ScalarType.BFloat16);
                    var expected = nn.functional.linear(x.to(ScalarType.Float64), exact, layer.bias!.to(ScalarType.Float64));
                    var error = (double)(layer.call(x).to(ScalarType.Float64).sub(expected).norm()) / Math.Sqrt((double)rows * outputs * inputs);
                    Assert.True(error < Errors[layer.Packed?.Form ?? WeightForm.Plain], $"{form} as {layer.Packed?.Form}, {rows} rows of [{outputs}, {inputs}]: {error:g3}");
                    layer.Dispose();
                }
    }

    [Theory]
    [InlineData(WeightForm.Plain, 128, null)]
    [InlineData(WeightForm.Int4, 128, WeightForm.Int4)]
    [InlineData(WeightForm.Int4, 88, WeightForm.Int8)]
    [InlineData(WeightForm.Int8, 88, WeightForm.Int8)]
    [InlineData(WeightForm.BFloat16, 88, WeightForm.BFloat16)]
    public void A_weight_that_does_not_fit_keeps_more_bits(WeightForm wanted, int inputs, WeightForm? got)
    {
        Assert.SkipUnless(LlamaVid.Model.Devices.MultipliesInt8 && LlamaVid.Model.Devices.MultipliesBFloat16, "this processor multiplies float32 only");
        using var inference = inference_mode();
        using var layer = Layer(inputs, 64, wanted).Layer;
        Assert.Equal(got, layer.Packed?.Form);
        Assert.Equal(got is null ? 64 * inputs : 0, layer.weight.numel());
    }

    /// <summary>Bits of a row may depend on how many rows there are only where the kernel chooses another order of summation for them.</summary>
    [Theory]
    [InlineData(WeightForm.BFloat16, 0.004)]
    [InlineData(WeightForm.Int8, 0)]
    [InlineData(WeightForm.Int4, 0)]
    public void A_row_has_the_same_product_alone_and_among_others(WeightForm form, double tolerance)
    {
        using var inference = inference_mode();
        foreach (var (outputs, inputs) in new[] { (2048, 2048), (352, 128), (32003, 128) })
        {
            using var scope = NewDisposeScope();
            using var layer = Layer(inputs, outputs, form).Layer;
            var x = randn(300, inputs).to(ScalarType.BFloat16);
            var alone = layer.call(x.narrow(0, 0, 1)).to(ScalarType.Float32);
            foreach (var rows in new[] { 2, 3, 4, 8, 16, 17, 64, 300 })
            {
                var among = layer.call(x.narrow(0, 0, rows)).narrow(0, 0, 1).to(ScalarType.Float32);
                var difference = (float)(among.sub(alone).abs().max() / alone.abs().max());
                Assert.True(difference <= tolerance, $"{form} [{outputs}, {inputs}], {rows} rows: {difference:g3}");
            }
        }
    }

    /// <summary>Up to four rows are multiplied where oneDNN has put the weight. A processor for which it chooses another order is left to it, so the order must be seen, and nothing else be taken for it.</summary>
    [Theory]
    [InlineData(128, 128)]
    [InlineData(352, 88)]
    [InlineData(131, 5)]
    [InlineData(2048, 1408)]
    [InlineData(32003, 128)]
    public void A_bfloat16_weight_is_read_in_the_order_that_oneDNN_gave_it(int outputs, int inputs)
    {
        Assert.SkipUnless(LlamaVid.Model.Devices.MultipliesBFloat16 && Vector512.IsHardwareAccelerated, "this processor has no registers for it");
        using var inference = inference_mode();
        using var scope = NewDisposeScope();
        var square = randn(BFloat16Product.Tile, BFloat16Product.Tile).to(ScalarType.BFloat16);
        Assert.SkipWhen(BFloat16Tiles.Of(square, OneDnn.Reorder(square)) is null, "oneDNN has another order for this processor");

        var weight = randn(outputs, inputs).to(ScalarType.BFloat16);
        var packed = OneDnn.Reorder(weight);
        var tiles = BFloat16Tiles.Of(weight, packed);
        Assert.NotNull(tiles);

        var x = randn(BFloat16Product.MostRows, inputs).to(ScalarType.BFloat16);
        var together = BFloat16Product.Multiply(x, tiles.Value, null);
        var exact = nn.functional.linear(x.to(ScalarType.Float64), weight.to(ScalarType.Float64));
        Assert.InRange((double)(together.to(ScalarType.Float64).sub(exact).norm() / exact.norm()), 0, 0.004);
        for (var row = 0; row < BFloat16Product.MostRows; row++)
            Assert.True(BFloat16Product.Multiply(x.narrow(0, row, 1), tiles.Value, null).equal(together.narrow(0, row, 1)).all().item<bool>());

        var other = weight.clone();
        other[outputs - 1, inputs - 1] = other[outputs - 1, inputs - 1] + 1;
        Assert.Null(BFloat16Tiles.Of(other, packed));
    }

    [Theory]
    [InlineData(128, 128)]
    [InlineData(352, 88)]
    [InlineData(131, 5)]
    [InlineData(2048, 1408)]
    [InlineData(32003, 128)]
    public void An_8_bit_weight_is_read_in_the_order_that_oneDNN_gave_it(int outputs, int inputs)
    {
        Assert.SkipUnless(Int8Kernel.Here is not null, "this processor has no instructions for it");
        using var inference = inference_mode();
        using var scope = NewDisposeScope();
        var (square, factors) = WeightRounding.ToInt8(randn(Int8Product.Tile, Int8Product.Tile));
        Assert.SkipWhen(Int8Tiles.Of(square, OneDnn.PackInt8(square), factors) is null, "oneDNN has another order for this processor");

        var (integers, scales) = WeightRounding.ToInt8(randn(outputs, inputs));
        var packed = OneDnn.PackInt8(integers);
        var tiles = Int8Tiles.Of(integers, packed, scales);
        Assert.NotNull(tiles);

        var nothing = zeros(scales.shape, ScalarType.Int32);
        for (var rows = 1; rows <= Int8Product.MostRows; rows++)
        {
            var (bytes, rowScales) = RowBytes.Round(randn(rows, inputs).to(ScalarType.BFloat16));
            var theirs = OneDnn.Multiply(bytes, rowScales, packed, scales, nothing, null);
            Assert.True(Int8Product.Multiply(bytes, rowScales, tiles.Value, Int8Kernel.Here!).equal(theirs).all().item<bool>(), $"{rows} rows");
        }

        var other = integers.clone();
        other[outputs - 1, inputs - 1] = other[outputs - 1, inputs - 1] - 1;
        Assert.Null(Int8Tiles.Of(other, packed, scales));
    }

    [Theory]
    [InlineData(128, 128)]
    [InlineData(40, 384)]
    [InlineData(2050, 1408)]
    public void Assembled_4_bit_products_are_those_of_the_loops(int outputs, int inputs)
    {
        Assert.SkipUnless(Int4Kernel.Here is not null, "this processor has no instructions for it");
        using var inference = inference_mode();
        using var scope = NewDisposeScope();
        var (steps, scales, middles) = WeightRounding.ToInt4(randn(outputs, inputs).to(ScalarType.BFloat16));
        var weight = new Int4Product.Weight(BFloat16Lanes.Address(steps), BFloat16Lanes.Address(scales), BFloat16Lanes.Address(middles), outputs, inputs);
        var bias = randn(outputs).to(ScalarType.BFloat16);
        foreach (var rows in Enumerable.Range(1, 17).Append(100))
        {
            var x = randn(rows, inputs).to(ScalarType.BFloat16);
            var sums = Int4Product.Multiply(x, weight, Int4Kernel.Here, ScalarType.Float32);
            Assert.True(sums.equal(Int4Product.Multiply(x, weight, null, ScalarType.Float32)).all().item<bool>(), $"{rows} rows");
            var rounded = Int4Product.Multiply(x, weight, Int4Kernel.Here, ScalarType.BFloat16, bias);
            Assert.True(rounded.equal(sums.add(bias).to(ScalarType.BFloat16)).all().item<bool>(), $"{rows} rows, rounded");
        }
    }

    [Fact]
    public void A_row_that_is_no_number_has_no_8_bit_product_that_is_one()
    {
        using var inference = inference_mode();
        using var layer = Layer(128, 64, WeightForm.Int8).Layer;
        Assert.SkipUnless(layer.Packed?.Form == WeightForm.Int8, "this processor has no 8-bit products");
        foreach (var value in new[] { float.NaN, float.PositiveInfinity })
        {
            using var scope = NewDisposeScope();
            var x = randn(2, 128).to(ScalarType.BFloat16);
            x[1, 5] = tensor(value).to(ScalarType.BFloat16);
            var product = layer.Multiply(x, null).to(ScalarType.Float32);
            Assert.True(product.narrow(0, 1, 1).isnan().all().item<bool>());
            Assert.True(product.narrow(0, 0, 1).isfinite().all().item<bool>());
        }
    }

    [Theory]
    [InlineData(128, 128, 5)]
    [InlineData(352, 88, 8)]
    [InlineData(131, 5, 9)]
    [InlineData(65, 130, 16)]
    [InlineData(1408, 6144, 17)]
    [InlineData(2048, 1408, 100)]
    public void Eight_bfloat16_rows_together_have_the_sums_of_a_row_alone(int outputs, int inputs, int rows)
    {
        Assert.SkipUnless(LlamaVid.Model.Devices.MultipliesBFloat16 && Vector512.IsHardwareAccelerated, "this processor has no registers for it");
        using var inference = inference_mode();
        using var scope = NewDisposeScope();
        var weight = randn(outputs, inputs).to(ScalarType.BFloat16);
        var tiles = BFloat16Tiles.Of(weight, OneDnn.Reorder(weight));
        Assert.SkipWhen(tiles is null, "oneDNN has another order for this processor");

        var (x, bias) = (randn(rows, inputs).to(ScalarType.BFloat16), randn(outputs).to(ScalarType.BFloat16));
        foreach (var added in new[] { null, bias })
        {
            var together = BFloat16Eights.Multiply(x, tiles.Value, added);
            for (var row = 0; row < rows; row++)
                Assert.True(BFloat16Product.Multiply(x.narrow(0, row, 1), tiles.Value, added).equal(together.narrow(0, row, 1)).all().item<bool>(), $"row {row} of {rows}");
        }
    }

    [Theory]
    [InlineData(WeightForm.BFloat16)]
    [InlineData(WeightForm.Int8)]
    [InlineData(WeightForm.Int4)]
    public void A_row_that_is_not_finite_stays_so_and_spoils_no_other(WeightForm form)
    {
        using var inference = inference_mode();
        using var scope = NewDisposeScope();
        using var layer = Layer(128, 20, form).Layer;
        var x = randn(4, 128).to(ScalarType.BFloat16);
        x[1, 99] = float.NaN;
        x[2, 0] = float.NegativeInfinity;
        var isFinite = layer.call(x).isfinite().all(1);
        Assert.Equal([true, false, false, true], isFinite.data<bool>().ToArray());
    }

    /// <summary>The operator that CUDA has for it exists on CPUs too.</summary>
    [Theory]
    [InlineData(1)]
    [InlineData(31)]
    [InlineData(32)]
    [InlineData(200)]
    public void The_8_bit_products_of_cuda_are_those_of_the_cpu(int rows)
    {
        Assert.SkipUnless(LlamaVid.Model.Devices.MultipliesInt8, "this processor multiplies no 8-bit integers");
        using var inference = inference_mode();
        using var scope = NewDisposeScope();
        manual_seed(1);
        var (weight, bias, x) = (randn(352, 128), randn(352), randn(rows, 128));
        using var cuda = new CudaInt8Weight(weight);
        var exact = nn.functional.linear(x, weight, bias);
        var error = (double)cuda.Multiply(x, bias).sub(exact).norm() / (double)exact.norm();
        Assert.InRange(error, 1e-5, 0.02);
        x[0, 3] = float.NaN;
        Assert.Equal(1, cuda.Multiply(x, bias).isfinite().logical_not().any(1).sum().item<long>());
    }

    /// <summary>The loops give what these operators give, to the bit.</summary>
    [Theory]
    [InlineData(ScalarType.BFloat16)]
    [InlineData(ScalarType.Float32)]
    [InlineData(ScalarType.Float16)]
    public void Weights_are_rounded_to_8_bits_as_by_operators(ScalarType dtype)
    {
        using var scope = NewDisposeScope();
        foreach (var (outputs, inputs) in new[] { (3, 64), (5, 131), (300, 1408) })
        {
            var weight = randn(outputs, inputs).to(dtype);
            weight[1] = 0;
            var (integers, scales) = WeightRounding.ToInt8(weight);
            var wide = weight.to(ScalarType.Float32);
            var expected = wide.abs().amax([1L]).clamp_min_(1e-12f).div_(127f);
            Assert.True(expected.equal(scales).all().item<bool>());
            Assert.True(wide.div(expected.unsqueeze(1)).round_().to(ScalarType.Int8).equal(integers).all().item<bool>());
        }
    }

    [Fact]
    public void Weights_are_rounded_to_4_bits_as_by_operators()
    {
        using var scope = NewDisposeScope();
        const int outputs = 40, inputs = 384, groups = 3, tiles = 3;
        var weight = randn(outputs, inputs).to(ScalarType.BFloat16);
        var (steps, scales, middles) = WeightRounding.ToInt4(weight);

        var grouped = weight.to(ScalarType.Float32).view(outputs, groups, WeightRounding.Group);
        var least = grouped.amin([2L], keepdim: true);
        var scale = grouped.amax([2L], keepdim: true).sub_(least).div_(15f).to(ScalarType.BFloat16).to(ScalarType.Float32);
        var expected = grouped.sub(least).div_(scale).round_().clamp_(0f, 15f).to(ScalarType.Byte);
        Assert.True(Tiles(expected.narrow(2, 0, 64).add(expected.narrow(2, 64, 64).mul(16)).view(outputs, groups, 16, 4)).view(steps.shape).equal(steps).all().item<bool>());
        Assert.True(Tiles(scale.to(ScalarType.BFloat16)).view(scales.shape).equal(scales).all().item<bool>());
        Assert.True(Tiles(scale.mul(8f).add(least).to(ScalarType.BFloat16)).view(middles.shape).equal(middles).all().item<bool>());

        // [outputs, groups, …, n] to [tiles, groups, …, 16 outputs, n]
        Tensor Tiles(Tensor values)
        {
            var filled = zeros([tiles * WeightRounding.Tile, .. values.shape[1..]], values.dtype);
            filled.narrow(0, 0, outputs).copy_(values);
            return filled.view([tiles, WeightRounding.Tile, .. values.shape[1..]]).movedim([1L], [-2L]).contiguous();
        }
    }

    /// <summary>An activation far greater than the rest of its row, which large models have, spoils the 128 inputs around it at most.</summary>
    [Fact]
    public void Rows_of_4_bit_weights_are_rounded_group_by_group()
    {
        using var inference = inference_mode();
        using var scope = NewDisposeScope();
        var (layer, _) = Layer(384, 50, WeightForm.Int4);
        var x = randn(5, 384).to(ScalarType.BFloat16).to(ScalarType.Float32);
        var (spiked, alone) = (x.clone(), zeros_like(x));
        spiked[2, 7] = 1024;
        alone.narrow(1, 0, 128).copy_(spiked.narrow(1, 0, 128));
        var rest = x.clone();
        rest.narrow(1, 0, 128).zero_();
        var expected = layer.call(alone).add(layer.call(rest)).sub(layer.bias!);
        Assert.InRange(layer.call(spiked).sub(expected).abs().max().item<float>(), 0, 0.01f);
        layer.Dispose();
    }

    [Fact]
    public void Rows_become_bytes_by_rounding_to_nearest()
    {
        using var scope = NewDisposeScope();
        foreach (var width in new[] { 1, 31, 64, 100, 257 })
        {
            var x = randn(5, width).to(ScalarType.BFloat16);
            x[3] = 0;
            var (bytes, scales) = RowBytes.Round(x);
            Assert.Equal([128], bytes[3].unique().output.data<byte>().ToArray());
            var wide = scales.to(ScalarType.Float32);
            var back = bytes.to(ScalarType.Float32).sub(tensor(128f)).mul(wide);
            var worst = (back.sub(x.to(ScalarType.Float32)).abs() / wide).max().item<float>();
            Assert.InRange(worst, 0, 0.5001f);
        }
    }

    [Theory]
    [InlineData(WeightForm.BFloat16)]
    [InlineData(WeightForm.Int8)]
    [InlineData(WeightForm.Int4)]
    public void Products_lose_no_native_memory(WeightForm form)
    {
        const int times = 20_000;
        using var inference = inference_mode();
        using var layer = Layer(128, 64, form).Layer;
        using var x = randn(2, 128).to(ScalarType.BFloat16);
        Multiply();
        var grown = Enumerable.Range(0, 4).Min(_ =>
        {
            var before = NativeMemory.InUse();
            Multiply();
            return NativeMemory.InUse() - before;
        });
        Assert.InRange(grown, long.MinValue, 48 * times);                   // calls that lose something lose a hundred bytes and more

        void Multiply()
        {
            for (var i = 0; i < times; i++)
                using (NewDisposeScope())
                    layer.call(x);
        }
    }

    private static (Linear Layer, Tensor Exact) Layer(long inputs, long outputs, WeightForm form)
    {
        var layer = new Linear(inputs, outputs, new Placement(ScalarType.BFloat16, CPU, form));
        using var noGrad = no_grad();
        layer.weight.normal_(0, 1);
        layer.bias!.normal_(0, 1);
        var exact = layer.weight.to(ScalarType.Float64);
        layer.Pack(layer.weight);
        return (layer, exact);
    }
}
