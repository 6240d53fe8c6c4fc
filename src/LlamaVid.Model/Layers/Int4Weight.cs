using System.Runtime.Intrinsics.X86;

namespace LlamaVid.Model.Layers;

/// <summary>4-bit integers; each group of inputs of an output has a scale and an offset between which its values lie. Multiplied by a kernel of our own.</summary>
/// <remarks>The rows are rounded to 8 bits on the way, each group of a row with a scale of its own, so a row's result does not depend on the rows beside it.</remarks>
internal sealed class Int4Weight : PackedWeight
{
    private readonly Int4Kernel? _kernel = Int4Kernel.Here;                 // is assembled while weights are loaded, and not under the first request
    private readonly Int4Product.Weight _weight;
    private readonly Tensor _steps;                                         // as WeightRounding orders them
    private readonly Tensor _scales;
    private readonly Tensor _middles;                                       // values of step 8

    public Int4Weight(Tensor weight)
    {
        (_steps, _scales, _middles) = WeightRounding.ToInt4(weight);
        _steps.DetachFromDisposeScope();
        _scales.DetachFromDisposeScope();
        _middles.DetachFromDisposeScope();
        _weight = new(BFloat16Lanes.Address(_steps), BFloat16Lanes.Address(_scales), BFloat16Lanes.Address(_middles), (int)weight.shape[0], (int)weight.shape[1]);
    }

    public override WeightForm Form => WeightForm.Int4;

    public static bool Fits(Tensor weight) => weight.device_type == DeviceType.CPU && weight.shape[1] % WeightRounding.Group == 0 && Avx2.IsSupported;

    public override Tensor Multiply(Tensor rows, Tensor? bias)
    {
        using var scope = NewDisposeScope();
        if (rows.dtype == ScalarType.BFloat16) return Int4Product.Multiply(rows, _weight, _kernel, rows.dtype, bias?.to(rows.dtype)).MoveToOuterDisposeScope();

        var product = Int4Product.Multiply(rows.to(ScalarType.BFloat16), _weight, _kernel, ScalarType.Float32);
        return (bias is null ? product : product.add_(bias, Scalars.One)).to(rows.dtype).MoveToOuterDisposeScope();
    }

    public override void Dispose()
    {
        _steps.Dispose();
        _scales.Dispose();
        _middles.Dispose();
    }
}
