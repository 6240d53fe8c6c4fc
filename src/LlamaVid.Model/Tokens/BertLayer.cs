namespace LlamaVid.Model.Tokens;

/// <summary>One post-norm layer of the text decoder: self-attention, cross-attention to the frame, feed-forward.</summary>
/// <remarks>
/// In a Q-Former only the learned queries look at the frame, and they have a feed-forward block of their own; in a plain BERT decoder the text does.
/// <code>
/// attention.*    crossattention.* (where the layer has it)    intermediate.dense [I, E]    output.*
/// intermediate_query.dense [I, E]    output_query.*           (Q-Former)
/// </code></remarks>
internal sealed class BertLayer : Module
{
    private readonly BertAttention attention;
    private readonly BertAttention? crossattention;
    private readonly BertIntermediate intermediate;
    private readonly BertOutput output;
    private readonly BertIntermediate? intermediate_query;
    private readonly BertOutput? output_query;

    private readonly long _queries;

    public BertLayer(TextDecoderShape shape, int layer, Placement placement) : base(nameof(BertLayer))
    {
        attention = new(shape, shape.HiddenSize, placement);
        if (shape.HasCrossAttention(layer)) crossattention = new(shape, shape.EncoderWidth, placement);
        intermediate = new(shape, placement);
        output = new(shape, shape.IntermediateSize, placement);
        if (shape.IsQFormer)
        {
            intermediate_query = new(shape, placement);
            output_query = new(shape, shape.IntermediateSize, placement);
        }
        RegisterComponents();
        _queries = shape.QueryCount;
    }

    /// <param name="x">[T, Q + L, E], the queries first</param>
    /// <param name="frames">[T, N, C] visual features</param>
    /// <param name="mask">[R, 1, Q + L, Q + L], R = 1 or T</param>
    public Tensor forward(Tensor x, Tensor frames, Tensor? mask)
    {
        using var scope = NewDisposeScope();
        x = attention.forward(x, x, mask);
        if (intermediate_query is null)
            return Feed(intermediate, output, Look(x)).MoveToOuterDisposeScope();

        var text = x.shape[1] - _queries;
        var queries = Feed(intermediate_query, output_query!, Look(x.narrow(1, 0, _queries)));
        return torch.cat([queries, Feed(intermediate, output, x.narrow(1, _queries, text))], 1).MoveToOuterDisposeScope();

        Tensor Look(Tensor rows) => crossattention is null ? rows : crossattention.forward(rows, frames, null);
        static Tensor Feed(BertIntermediate wide, BertOutput narrow, Tensor rows) => narrow.forward(wide.call(rows), rows);
    }
}

/// <summary>The widening half of a feed-forward block, with the exact (erf) GELU.</summary>
internal sealed class BertIntermediate : Module<Tensor, Tensor>
{
    private readonly Linear dense;

    public BertIntermediate(TextDecoderShape shape, Placement placement) : base(nameof(BertIntermediate))
    {
        dense = new(shape.HiddenSize, shape.IntermediateSize, placement);
        RegisterComponents();
    }

    public override Tensor forward(Tensor x)
    {
        using var scope = NewDisposeScope();
        return functional.gelu(dense.call(x)).MoveToOuterDisposeScope();
    }
}
