namespace LlamaVid.Model.Layers;

/// <summary>Layer normalisation over the last axis; statistics are float32 inside the kernel whatever the dtype.</summary>
/// <remarks><code>
/// weight [width]    bias [width]
/// </code></remarks>
internal sealed class LayerNorm : Module<Tensor, Tensor>
{
    public readonly Parameter weight;
    public readonly Parameter bias;

    private readonly long[] _shape;
    private readonly double _eps;

    public LayerNorm(long width, double eps, Placement placement) : base(nameof(LayerNorm))
    {
        weight = placement.Parameter(width);
        bias = placement.Parameter(width);
        RegisterComponents();
        (_shape, _eps) = ([width], eps);
    }

    public override Tensor forward(Tensor input) => functional.layer_norm(input, _shape, weight, bias, _eps);
}
