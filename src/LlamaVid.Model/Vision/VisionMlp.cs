namespace LlamaVid.Model.Vision;

/// <summary>The exact (error function) GELU, or CLIP's cheaper x · sigmoid(1.702 x).</summary>
internal enum VisionActivation { Gelu, QuickGelu }

/// <summary>The two linear layers of a vision block with the activation between them.</summary>
/// <remarks><code>
/// fc1.weight [F, C]    fc1.bias [F]    fc2.weight [C, F]    fc2.bias [C]
/// </code></remarks>
internal sealed class VisionMlp : Module<Tensor, Tensor>
{
    private static readonly Scalar QuickGeluSlope = 1.702f.ToScalar();

    public readonly Linear fc1;
    public readonly Linear fc2;

    private readonly VisionActivation _activation;

    public VisionMlp(long width, long inner, VisionActivation activation, Placement placement) : base(nameof(VisionMlp))
    {
        fc1 = new(width, inner, placement);
        fc2 = new(inner, width, placement);
        RegisterComponents();
        _activation = activation;
    }

    public override Tensor forward(Tensor x)
    {
        using var scope = NewDisposeScope();
        var inner = fc1.call(x);                                              // [T, P, F]
        inner = _activation switch
        {
            VisionActivation.Gelu => inner.gelu_(),
            VisionActivation.QuickGelu => inner.mul(QuickGeluSlope).sigmoid_().mul_(inner),
            _ => throw new InvalidOperationException($"{_activation} is no activation"),
        };
        return fc2.call(inner).MoveToOuterDisposeScope();
    }
}
