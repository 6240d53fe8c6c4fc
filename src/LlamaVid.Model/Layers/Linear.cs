namespace LlamaVid.Model.Layers;

/// <summary>y = x Wᵀ + b with parameters that are allocated but not initialised.</summary>
/// <remarks><code>
/// weight [outputs, inputs]    bias [outputs], absent when the layer has none
/// </code></remarks>
internal sealed class Linear : Module<Tensor, Tensor>
{
    public readonly Parameter weight;
    public readonly Parameter? bias;

    public Linear(long inputs, long outputs, Placement placement, bool hasBias = true) : base(nameof(Linear))
    {
        weight = placement.Parameter(outputs, inputs);
        if (hasBias) bias = placement.Parameter(outputs);
        RegisterComponents();
    }

    public override Tensor forward(Tensor input) => functional.linear(input, weight, bias);
}
