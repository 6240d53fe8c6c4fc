namespace LlamaVid.Model.Decoder;

/// <summary>Root-mean-square normalisation; the statistics are computed in float32 whatever the dtype.</summary>
/// <remarks><code>
/// weight [width]
/// </code></remarks>
internal sealed class RmsNorm : Module<Tensor, Tensor>
{
    public readonly Parameter weight;

    private readonly Scalar _eps;
    private readonly float _smallest;

    public RmsNorm(long width, double eps, Placement placement) : base(nameof(RmsNorm))
    {
        weight = placement.Parameter(width);
        RegisterComponents();
        (_eps, _smallest) = (eps.ToScalar(), (float)eps);
    }

    public override Tensor forward(Tensor input)
    {
        if (BFloat16Lanes.Fit(input, input.shape[^1]) && input.dim() == 2 && input.is_contiguous()) return BFloat16Rows.Normalise(input, weight, _smallest);

        using var scope = NewDisposeScope();
        var wide = input.to(ScalarType.Float32);
        var scale = wide.mul(wide).mean([-1L], keepdim: true).add_(_eps).rsqrt_();
        return weight.mul(wide.mul(scale).to(input.dtype)).MoveToOuterDisposeScope();
    }
}
