using System.Runtime.Intrinsics;
using LlamaVid.Model.Decoder;
using LlamaVid.Model.Layers;
using static TorchSharp.torch;

namespace LlamaVid.Tests.Model.Decoder;

/// <summary>Rows of a prompt that are attended without tensor operators get what scaled dot-product attention gives in float32, and the same to the bit however the prompt is divided.</summary>
[Collection(AloneCollection.Name)]
public sealed class PromptAttentionTests
{
    [Theory]
    [InlineData(1, 1, 32, 0, 2)]
    [InlineData(4, 4, 32, 7, 3)]
    [InlineData(8, 2, 64, 100, 9)]
    [InlineData(16, 16, 128, 500, 48)]                                      // over the border of a block
    [InlineData(12, 12, 96, 511, 64)]
    [InlineData(6, 2, 100, 1021, 70)]
    [InlineData(20, 20, 80, 33, 5)]
    [InlineData(4, 2, 34, 40, 130)]
    [InlineData(32, 4, 64, 3000, 10)]
    public void Rows_see_what_scaled_dot_product_attention_sees(int heads, int kvHeads, int size, int past, int count)
    {
        Assert.SkipUnless(Vector512.IsHardwareAccelerated, "this processor has no registers of 512 bits");
        using var inference = inference_mode();
        using var scope = NewDisposeScope();
        var (q, keys, values, capacity) = Draw(heads, kvHeads, size, past, count);

        var seen = Attended(q, keys, values, past, capacity);

        for (var row = 0; row < count; row += Math.Max(1, count / 7))
        {
            var expected = nn.functional.scaled_dot_product_attention(
                q[row].to(ScalarType.Float32).view(1, kvHeads, heads / kvHeads, size),
                keys.narrow(1, 0, past + row + 1).to(ScalarType.Float32).unsqueeze(0), values.narrow(1, 0, past + row + 1).to(ScalarType.Float32).unsqueeze(0));
            TensorAssert.Close(expected.view(heads * size), seen[row], 0.02, $"row {row} of {count}");
        }
    }

    [Theory]
    [InlineData(4, 4, 64, 0, 700)]
    [InlineData(6, 2, 80, 300, 500)]
    public void A_prompt_may_be_divided_anywhere(int heads, int kvHeads, int size, int past, int count)
    {
        Assert.SkipUnless(Vector512.IsHardwareAccelerated, "this processor has no registers of 512 bits");
        using var inference = inference_mode();
        using var scope = NewDisposeScope();
        var (q, keys, values, capacity) = Draw(heads, kvHeads, size, past, count);
        var whole = Attended(q, keys, values, past, capacity).to(ScalarType.Float32).data<float>().ToArray();

        var random = new Random(5);
        for (int at = 0, rows; at < count; at += rows)
        {
            rows = Math.Min(count - at, random.Next(1, 90));
            var part = Attended(q.narrow(0, at, rows), keys, values, past + at, capacity).to(ScalarType.Float32).data<float>().ToArray();
            Assert.Equal(whole[(at * heads * size)..((at + rows) * heads * size)], part);
        }
    }

    [Fact]
    public void A_row_far_from_all_others_still_has_weights_that_sum_to_one()
    {
        Assert.SkipUnless(Vector512.IsHardwareAccelerated, "this processor has no registers of 512 bits");
        using var inference = inference_mode();
        using var scope = NewDisposeScope();
        var (q, keys, values, capacity) = Draw(2, 2, 32, 1500, 4);
        q.copy_(full([4, 2, 32], 300f, ScalarType.BFloat16));               // scores of thousands, and ever greater ones from block to block
        keys.copy_(arange(capacity, ScalarType.Float32).view(1, capacity, 1).expand(2, capacity, 32).to(ScalarType.BFloat16));
        values.copy_(full([2, capacity, 32], 3f, ScalarType.BFloat16));

        TensorAssert.Close(full([4, 64], 3f), Attended(q, keys, values, 1500, capacity), 0.01, "constant values");
    }

    /// <returns>q [S, H, D]; keys and values [K, capacity, D], of which no row sees the last three</returns>
    private static (Tensor Q, Tensor Keys, Tensor Values, int Capacity) Draw(int heads, int kvHeads, int size, int past, int count)
    {
        manual_seed(1);
        var capacity = past + count + 3;
        var (keys, values) = (Drawn(), Drawn());
        return (randn(count, heads, size).to(ScalarType.BFloat16), keys, values, capacity);

        Tensor Drawn()
        {
            var drawn = randn(kvHeads, capacity, size).to(ScalarType.BFloat16);
            drawn.narrow(1, past + count, 3).fill_(float.NaN);
            return drawn;
        }
    }

    private static Tensor Attended(Tensor q, Tensor keys, Tensor values, int past, int capacity)
    {
        var (count, heads, size) = ((int)q.shape[0], (int)q.shape[1], (int)q.shape[2]);
        var (queries, result) = (q.contiguous(), empty([count, heads * size], ScalarType.BFloat16));
        PromptAttention.Attend(
            BFloat16Lanes.Address(queries), BFloat16Lanes.Address(keys), BFloat16Lanes.Address(values), BFloat16Lanes.Address(result),
            count, past, capacity, heads, (int)keys.shape[0], size);
        return result;
    }
}
