namespace LlamaVid.Model.Decoder;

/// <summary>Causal self-attention with rotary positions and grouped queries.</summary>
/// <remarks>W = hidden size, H = heads, D = W / H, K = key/value heads.
/// <code>
/// q_proj.weight [W, W]    k_proj.weight, v_proj.weight [K·D, W]    o_proj.weight [W, W]    rotary_emb.inv_freq [D / 2]
/// </code></remarks>
internal sealed class LlamaAttention : Module
{
    private readonly Linear q_proj;
    private readonly Linear k_proj;
    private readonly Linear v_proj;
    private readonly Linear o_proj;
    public readonly RotaryEmbedding rotary_emb;

    private readonly int _layer;
    private readonly long _heads, _kvHeads, _headSize;

    public LlamaAttention(DecoderConfig config, int layer, Placement placement) : base(nameof(LlamaAttention))
    {
        var size = config.HiddenSize / config.Heads;
        q_proj = new(config.HiddenSize, config.HiddenSize, placement, hasBias: false);
        k_proj = new(config.HiddenSize, config.KvHeads * size, placement, hasBias: false);
        v_proj = new(config.HiddenSize, config.KvHeads * size, placement, hasBias: false);
        o_proj = new(config.HiddenSize, config.HiddenSize, placement, hasBias: false);
        rotary_emb = new(size, config.RopeTheta, placement.Device);
        RegisterComponents();
        (_layer, _heads, _kvHeads, _headSize) = (layer, config.Heads, config.KvHeads, size);
    }

    /// <param name="x">[N, W]</param>
    /// <returns>[N, W]</returns>
    public Tensor forward(Tensor x, Tensor cos, Tensor sin, RowAttention rows)
    {
        using var scope = NewDisposeScope();
        var count = x.shape[0];
        var q = Rotated(q_proj.call(x).view(count, _heads, _headSize));
        var k = Rotated(k_proj.call(x).view(count, _kvHeads, _headSize));
        var v = v_proj.call(x).view(count, _kvHeads, _headSize);
        return o_proj.call(rows.Attend(_layer, q, k, v)).MoveToOuterDisposeScope();

        Tensor Rotated(Tensor product)
        {
            if (_headSize / 2 < BFloat16Lanes.Half || !BFloat16Lanes.Fit(product)) return RotaryTable.Rotate(product, cos, sin);
            BFloat16Rows.Rotate(product, cos, sin);
            return product;
        }
    }
}
