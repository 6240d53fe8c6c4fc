using System.Runtime.Intrinsics;
using LlamaVid.Model.Decoder;
using static TorchSharp.torch;

namespace LlamaVid.Tests.Model.Decoder;

/// <summary>Prompts in bfloat16 get what scaled dot-product attention gives in float32, in one block of rows or in many.</summary>
public sealed class MatrixAttentionTests
{
    [Theory]
    [InlineData(1, 1, 32, 0, 1)]
    [InlineData(4, 4, 32, 7, 3)]
    [InlineData(8, 2, 64, 100, 9)]
    [InlineData(16, 16, 128, 333, 48)]
    [InlineData(12, 12, 96, 20, 64)]
    [InlineData(32, 4, 64, 12_000, 50)]                                     // blocks of 21 rows
    public void Rows_see_what_scaled_dot_product_attention_sees(int heads, int kvHeads, int size, int past, int count)
    {
        Assert.SkipUnless(Vector512.IsHardwareAccelerated, "this processor has no registers of 512 bits");
        using var inference = inference_mode();
        using var scope = NewDisposeScope();
        manual_seed(1);
        var length = past + count;
        var q = randn(count, heads, size).to(ScalarType.BFloat16);
        var (keys, values) = (Drawn(), Drawn());

        var seen = MatrixAttention.Attend(q, keys, values, past);

        for (var row = 0; row < count; row += Math.Max(1, count / 5))
        {
            var expected = nn.functional.scaled_dot_product_attention(
                q[row].to(ScalarType.Float32).view(1, kvHeads, heads / kvHeads, size),
                keys.narrow(1, 0, past + row + 1).to(ScalarType.Float32).unsqueeze(0), values.narrow(1, 0, past + row + 1).to(ScalarType.Float32).unsqueeze(0));
            TensorAssert.Close(expected.view(heads * size), seen[row], 0.02, $"row {row} of {count}");
        }

        Tensor Drawn()
        {
            var drawn = randn(kvHeads, length + 300, size).to(ScalarType.BFloat16).narrow(1, 0, length + 150);
            drawn.narrow(1, length, 150).zero_();
            return drawn;
        }
    }
}
