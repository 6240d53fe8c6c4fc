namespace LlamaVid.Model.Layers;

/// <summary>Where a module's parameters live, in which dtype, and how its linear layers keep their weights. On the meta device parameters have a shape and no memory.</summary>
public sealed record Placement(ScalarType Dtype, Device Device, WeightForm Form = WeightForm.Plain)
{
    /// <summary>Shapes only: what the checks of names and shapes use.</summary>
    public static readonly Placement Meta = new(ScalarType.BFloat16, torch.META);

    /// <summary>For layers that multiply many rows at a time, and for those whose errors show most: no fewer than 8 bits.</summary>
    public Placement AtLeastInt8 => Form == WeightForm.Int4 ? this with { Form = WeightForm.Int8 } : this;

    /// <summary>A parameter without values; the weight loader fills every one of them exactly once.</summary>
    /// <remarks>Fresh pages of the operating system are committed when the loader writes them, so an unfilled model costs no memory.</remarks>
    /// <returns>a parameter that belongs to its module, whatever dispose scope is open</returns>
    public Parameter Parameter(params long[] shape)
    {
        var parameter = new Parameter(torch.empty(shape, Dtype, Device), requires_grad: false);
        parameter.DetachFromDisposeScope();
        return parameter;
    }
}
