namespace LlamaVid.Model.Layers;

/// <summary>y = x Wᵀ + b with parameters that are allocated but not initialised. Once they are filled, the weight may be packed for inference.</summary>
/// <remarks><code>
/// weight [outputs, inputs]    bias [outputs], absent when the layer has none
/// </code></remarks>
internal sealed class Linear : Module<Tensor, Tensor>
{
    public readonly Parameter weight;
    public readonly Parameter? bias;

    private readonly WeightForm _form;

    /// <summary>Values of the weight, packed or not.</summary>
    public long WeightCount { get; }

    public Linear(long inputs, long outputs, Placement placement, bool hasBias = true) : base(nameof(Linear))
    {
        weight = placement.Parameter(outputs, inputs);
        if (hasBias) bias = placement.Parameter(outputs);
        RegisterComponents();
        (_form, WeightCount) = (placement.Form, inputs * outputs);
    }

    /// <summary>Whether the placement wants another form than the checkpoint's.</summary>
    public bool IsPacked => _form != WeightForm.Plain;

    /// <summary>The weight as it is multiplied; null as long as <see cref="weight"/> itself is.</summary>
    public PackedWeight? Packed { get; private set; }

    public override Tensor forward(Tensor input) => Multiply(input, bias);

    /// <summary>The product with a bias that the layer does not hold itself.</summary>
    public Tensor Multiply(Tensor input, Tensor? added)
    {
        if (Packed is null) return functional.linear(input, weight, added);

        using var scope = NewDisposeScope();
        var shape = input.shape;
        var product = Packed.Multiply(input.reshape(-1, shape[^1]), added);
        shape[^1] = product.shape[1];
        return product.view(shape).MoveToOuterDisposeScope();
    }

    /// <summary>Puts the weight in the form of the layer's placement and lets the memory of the loaded one go.</summary>
    /// <param name="values">[outputs, inputs], <see cref="weight"/> itself or in other memory; not needed afterwards</param>
    public void Pack(Tensor values)
    {
        Packed = PackedWeight.Of(values, _form);
        if (Packed is not null)
        {
            using var nothing = torch.empty(0, weight.dtype);
            weight.set_(nothing);
        }
        else if (!ReferenceEquals(values, weight))
        {
            weight.copy_(values);
        }
    }

    protected override void Dispose(bool disposing)
    {
        if (disposing) Packed?.Dispose();
        base.Dispose(disposing);
    }
}
