namespace LlamaVid.Model.Tokens;

/// <summary>Multi-head attention with residual and layer norm behind it, as in BERT.</summary>
/// <remarks>E = width of the queries, K = width of what they look at.
/// <code>
/// self.query.{weight [E, E], bias}    self.key, self.value.{weight [E, K], bias}
/// output.dense.{weight [E, E], bias}  output.LayerNorm.{weight, bias} [E]
/// </code></remarks>
internal sealed class BertAttention : Module
{
    private readonly BertSelfAttention self;
    private readonly BertOutput output;

    public BertAttention(TextDecoderShape shape, int keyWidth, Placement placement) : base(nameof(BertAttention))
    {
        self = new(shape, keyWidth, placement);
        output = new(shape, shape.HiddenSize, placement);
        RegisterComponents();
    }

    /// <param name="x">[T, L, E]</param>
    /// <param name="seen">[T, N, K]</param>
    /// <param name="mask">[R, 1, L, N] true where a row may look; null for everywhere</param>
    public Tensor forward(Tensor x, Tensor seen, Tensor? mask)
    {
        using var scope = NewDisposeScope();
        return output.forward(self.forward(x, seen, mask), x).MoveToOuterDisposeScope();
    }
}

/// <summary>The heads of <see cref="BertAttention"/>.</summary>
internal sealed class BertSelfAttention : Module
{
    private readonly Linear query;
    private readonly Linear key;
    private readonly Linear value;

    private readonly long _heads, _headSize;
    private readonly TextDropout _dropout;

    public BertSelfAttention(TextDecoderShape shape, int keyWidth, Placement placement) : base(nameof(BertSelfAttention))
    {
        query = new(shape.HiddenSize, shape.HiddenSize, placement);
        key = new(keyWidth, shape.HiddenSize, placement);
        value = new(keyWidth, shape.HiddenSize, placement);
        RegisterComponents();
        (_heads, _headSize, _dropout) = (shape.Heads, shape.HiddenSize / shape.Heads, shape.Dropout);
    }

    public Tensor forward(Tensor x, Tensor seen, Tensor? mask)
    {
        using var scope = NewDisposeScope();
        var result = functional.scaled_dot_product_attention(Split(query.call(x)), Split(key.call(seen)), Split(value.call(seen)), mask, _dropout.Rate);
        return result.transpose(1, 2).reshape(x.shape[0], x.shape[1], _heads * _headSize).MoveToOuterDisposeScope();

        Tensor Split(Tensor t) => t.view(t.shape[0], t.shape[1], _heads, _headSize).transpose(1, 2);    // [T, H, L, D]
    }
}

/// <summary>A linear layer, its residual and a layer norm.</summary>
internal sealed class BertOutput : Module
{
    private const double Eps = 1e-12;

    private readonly Linear dense;
    private readonly LayerNorm LayerNorm;

    private readonly TextDropout _dropout;

    public BertOutput(TextDecoderShape shape, int inputs, Placement placement) : base(nameof(BertOutput))
    {
        dense = new(inputs, shape.HiddenSize, placement);
        LayerNorm = new(shape.HiddenSize, Eps, placement);
        RegisterComponents();
        _dropout = shape.Dropout;
    }

    public Tensor forward(Tensor x, Tensor residual)
    {
        using var scope = NewDisposeScope();
        return LayerNorm.call(_dropout.Apply(dense.call(x)).add_(residual, Scalars.One)).MoveToOuterDisposeScope();
    }
}
