using System.Runtime.Intrinsics;
using LlamaVid.Model.Decoder;
using LlamaVid.Model.Layers;
using static TorchSharp.torch;

namespace LlamaVid.Tests.Model.Decoder;

/// <summary>Rows that are attended without tensor operators get what scaled dot-product attention gives in float32.</summary>
[Collection(AloneCollection.Name)]
public sealed class FewRowsAttentionTests
{
    [Theory]
    [InlineData(1, 1, 32, 1, 1)]
    [InlineData(4, 4, 32, 7, 3)]
    [InlineData(8, 2, 64, 100, 1)]
    [InlineData(8, 2, 64, 100, 9)]
    [InlineData(16, 16, 128, 333, 8)]
    [InlineData(32, 4, 128, 1029, 5)]
    [InlineData(12, 12, 96, 20, 64)]
    public void Rows_see_what_scaled_dot_product_attention_sees(int heads, int kvHeads, int size, int past, int count)
    {
        Assert.SkipUnless(Vector512.IsHardwareAccelerated, "this processor has no registers of 512 bits");
        using var inference = inference_mode();
        using var scope = NewDisposeScope();
        manual_seed(1);
        var sequences = Enumerable.Range(0, 3).Select(i => new Drawn(heads, kvHeads, size, past / (i + 1), Math.Max(1, count - i))).ToArray();
        FewRowsAttention.Attend([.. sequences.Select(each => each.Rows)], heads, kvHeads, size);
        foreach (var each in sequences)
            for (var row = 0; row < each.Rows.Count; row++)
                TensorAssert.Close(each.Expected(row), each.Result[row], 0.02, $"row {row} of {each.Rows.Count}");
    }

    [Theory]
    [InlineData(8, 2, 64, 100, 9)]
    [InlineData(16, 16, 128, 333, 8)]
    public void A_row_alone_is_the_same_to_the_bit(int heads, int kvHeads, int size, int past, int count)
    {
        Assert.SkipUnless(Vector512.IsHardwareAccelerated, "this processor has no registers of 512 bits");
        using var inference = inference_mode();
        using var scope = NewDisposeScope();
        manual_seed(2);
        var drawn = new Drawn(heads, kvHeads, size, past, count);
        FewRowsAttention.Attend([drawn.Rows, new Drawn(heads, kvHeads, size, 5, 2).Rows], heads, kvHeads, size);
        var among = drawn.Values();
        drawn.Result.zero_();
        for (var row = 0; row < count; row++)
            FewRowsAttention.Attend([drawn.Rows with { Query = BFloat16Lanes.Address(drawn.Queries[row]), Result = BFloat16Lanes.Address(drawn.Result[row]), Count = 1, Past = past + row }], heads, kvHeads, size);
        Assert.Equal(among, drawn.Values());
    }

    /// <summary>A sequence of random keys and values, with some rows at its end.</summary>
    private sealed class Drawn
    {
        private readonly Tensor _keys, _values;
        private readonly int _kvHeads;

        public Drawn(int heads, int kvHeads, int size, int past, int count)
        {
            var capacity = past + count + 3;
            _kvHeads = kvHeads;
            Queries = randn(count, heads, size).to(ScalarType.BFloat16);
            (_keys, _values) = (randn(kvHeads, capacity, size).to(ScalarType.BFloat16), randn(kvHeads, capacity, size).to(ScalarType.BFloat16));
            Result = empty([count, heads * size], ScalarType.BFloat16);
            Rows = new(BFloat16Lanes.Address(Queries), BFloat16Lanes.Address(_keys), BFloat16Lanes.Address(_values), BFloat16Lanes.Address(Result), count, past, capacity);
        }

        public Tensor Queries { get; }
        public Tensor Result { get; }
        public FewRowsAttention.Rows Rows { get; }

        public float[] Values() => Result.to(ScalarType.Float32).data<float>().ToArray();

        public Tensor Expected(int row)
        {
            var (heads, size, length) = (Queries.shape[1], Queries.shape[2], Rows.Past + row + 1);
            return nn.functional.scaled_dot_product_attention(
                Queries[row].to(ScalarType.Float32).view(1, _kvHeads, heads / _kvHeads, size),
                _keys.narrow(1, 0, length).to(ScalarType.Float32).unsqueeze(0), _values.narrow(1, 0, length).to(ScalarType.Float32).unsqueeze(0)).view(heads * size);
        }
    }
}
