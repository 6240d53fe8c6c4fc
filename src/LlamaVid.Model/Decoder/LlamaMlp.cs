namespace LlamaVid.Model.Decoder;

/// <summary>The gated feed-forward block: down(silu(gate(x)) · up(x)).</summary>
/// <remarks><code>
/// gate_proj.weight, up_proj.weight [I, W]    down_proj.weight [W, I]
/// </code></remarks>
internal sealed class LlamaMlp : Module<Tensor, Tensor>
{
    private readonly Linear gate_proj;
    private readonly Linear up_proj;
    private readonly Linear down_proj;

    public LlamaMlp(DecoderConfig config, Placement placement) : base(nameof(LlamaMlp))
    {
        gate_proj = new(config.HiddenSize, config.IntermediateSize, placement, hasBias: false);
        up_proj = new(config.HiddenSize, config.IntermediateSize, placement, hasBias: false);
        down_proj = new(config.IntermediateSize, config.HiddenSize, placement, hasBias: false);
        RegisterComponents();
    }

    public override Tensor forward(Tensor x)
    {
        using var scope = NewDisposeScope();
        return down_proj.call(Gated(gate_proj.call(x), up_proj.call(x))).MoveToOuterDisposeScope();
    }

    private static Tensor Gated(Tensor gate, Tensor up)
    {
        if (!BFloat16Lanes.Fit(gate, gate.shape[^1])) return functional.silu(gate).mul_(up);
        BFloat16Rows.Gate(gate, up);
        return gate;
    }
}
