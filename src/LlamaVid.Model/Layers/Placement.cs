namespace LlamaVid.Model.Layers;

/// <summary>Where a module's parameters live and in which dtype. On the meta device they have a shape and no memory.</summary>
public sealed record Placement(ScalarType Dtype, Device Device)
{
    /// <summary>Shapes only: what the checks of names and shapes use.</summary>
    public static readonly Placement Meta = new(ScalarType.BFloat16, torch.META);

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
