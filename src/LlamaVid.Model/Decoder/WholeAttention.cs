namespace LlamaVid.Model.Decoder;

/// <summary>Whole sequences of one length, one after the other, each looking at itself from its first position on. What training computes: nothing is kept.</summary>
internal sealed class WholeAttention(int sequences) : RowAttention
{
    public override Tensor Attend(int layer, Tensor q, Tensor k, Tensor v)
    {
        using var scope = NewDisposeScope();
        var group = q.shape[1] / k.shape[1];
        var seen = functional.scaled_dot_product_attention(ByHead(q), Shared(ByHead(k)), Shared(ByHead(v)), is_casual: true);
        return seen.transpose(1, 2).reshape(q.shape[0], q.shape[1] * q.shape[2]).MoveToOuterDisposeScope();

        Tensor ByHead(Tensor rows) => rows.view(sequences, -1, rows.shape[1], rows.shape[2]).transpose(1, 2);   // [B, H, S, D]
        Tensor Shared(Tensor rows) => group == 1 ? rows : rows.repeat_interleave(group, 1);
    }
}
