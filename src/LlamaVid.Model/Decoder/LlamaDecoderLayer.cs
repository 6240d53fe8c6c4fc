namespace LlamaVid.Model.Decoder;

/// <summary>One pre-norm block: attention and feed-forward, each added to its input.</summary>
/// <remarks><code>
/// self_attn.*    mlp.*    input_layernorm.weight [W]    post_attention_layernorm.weight [W]
/// </code></remarks>
internal sealed class LlamaDecoderLayer : Module
{
    public readonly LlamaAttention self_attn;
    private readonly LlamaMlp mlp;
    private readonly RmsNorm input_layernorm;
    private readonly RmsNorm post_attention_layernorm;

    public LlamaDecoderLayer(DecoderConfig config, int layer, Placement placement) : base(nameof(LlamaDecoderLayer))
    {
        self_attn = new(config, layer, placement);
        mlp = new(config, placement);
        input_layernorm = new(config.HiddenSize, config.RmsNormEps, placement);
        post_attention_layernorm = new(config.HiddenSize, config.RmsNormEps, placement);
        RegisterComponents();
    }

    /// <returns>[N, W]</returns>
    public Tensor forward(Tensor x, Tensor cos, Tensor sin, RowAttention rows)
    {
        using var scope = NewDisposeScope();
        x = x.add(self_attn.forward(input_layernorm.call(x), cos, sin, rows), Scalars.One);
        return x.add(mlp.call(post_attention_layernorm.call(x)), Scalars.One).MoveToOuterDisposeScope();
    }
}
