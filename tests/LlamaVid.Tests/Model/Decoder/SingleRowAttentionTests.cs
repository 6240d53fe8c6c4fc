using System.Runtime.Intrinsics;
using LlamaVid.Model.Decoder;
using LlamaVid.Model.Layers;
using static TorchSharp.torch;

namespace LlamaVid.Tests.Model.Decoder;

/// <summary>Rows that are attended without tensor operators get what scaled dot-product attention gives in float32.</summary>
[Collection(AloneCollection.Name)]
public sealed class SingleRowAttentionTests
{
    [Theory]
    [InlineData(1, 1, 32, 1)]
    [InlineData(4, 4, 32, 7)]
    [InlineData(8, 2, 64, 100)]
    [InlineData(16, 16, 128, 333)]
    [InlineData(32, 4, 128, 1029)]
    [InlineData(4, 4, 16, 9)]
    [InlineData(4, 2, 17, 40)]
    [InlineData(20, 20, 80, 333)]
    [InlineData(8, 4, 100, 70)]
    public void Rows_see_what_scaled_dot_product_attention_sees(int heads, int kvHeads, int size, int length)
    {
        Assert.SkipUnless(Vector512.IsHardwareAccelerated, "this processor has no registers of 512 bits");
        using var inference = inference_mode();
        using var scope = NewDisposeScope();
        manual_seed(1);
        int[] lengths = [length, Math.Max(1, length / 2), 1];
        var capacity = length + 3;
        var q = randn(3, heads, size).to(ScalarType.BFloat16);
        var result = empty([3, heads * size], ScalarType.BFloat16);
        var (keys, values, rows) = (new Tensor[3], new Tensor[3], new SingleRowAttention.Row[3]);
        for (var i = 0; i < 3; i++)
        {
            (keys[i], values[i]) = (randn(kvHeads, capacity, size).to(ScalarType.BFloat16), randn(kvHeads, capacity, size).to(ScalarType.BFloat16));
            rows[i] = new(BFloat16Lanes.Address(q[i]), BFloat16Lanes.Address(keys[i]), BFloat16Lanes.Address(values[i]), BFloat16Lanes.Address(result[i]), lengths[i], capacity);
        }
        SingleRowAttention.Attend(rows, heads, kvHeads, size);

        for (var i = 0; i < 3; i++)
        {
            var expected = nn.functional.scaled_dot_product_attention(
                q[i].to(ScalarType.Float32).view(1, kvHeads, heads / kvHeads, size),
                keys[i].narrow(1, 0, lengths[i]).to(ScalarType.Float32).unsqueeze(0), values[i].narrow(1, 0, lengths[i]).to(ScalarType.Float32).unsqueeze(0));
            TensorAssert.Close(expected.view(heads * size), result[i], 0.02, $"row {i}");
        }
        var among = result[0].to(ScalarType.Float32).data<float>().ToArray();
        SingleRowAttention.Attend(rows[..1], heads, kvHeads, size);
        Assert.Equal(among, result[0].to(ScalarType.Float32).data<float>().ToArray());
    }
}
