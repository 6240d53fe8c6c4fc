namespace LlamaVid.Model.Layers;

/// <summary>The integers of <see cref="Int4Weight"/> on CUDA, in the order of its operator, which multiplies them with rows of bfloat16.</summary>
/// <remarks>Written by reading and not run on a GPU.</remarks>
internal sealed class CudaInt4Weight : PackedWeight
{
    private const int OutputsTogether = 8;

    private static readonly Scalar Steps = 15f.ToScalar(), Middle = 8f.ToScalar(), Least = 1e-12f.ToScalar();

    private readonly Tensor _weight;
    private readonly Tensor _scales;                                        // [inputs / group, outputs, 2]: scale, and the value of step 8

    public CudaInt4Weight(Tensor weight)
    {
        var groups = weight.to(ScalarType.Float32).view(weight.shape[0], -1, WeightRounding.Group);
        var least = groups.amin([2L], keepdim: true);
        var scale = groups.amax([2L], keepdim: true).sub_(least).clamp_min_(Least).div_(Steps).to(ScalarType.BFloat16).to(ScalarType.Float32);
        var steps = groups.sub(least).div_(scale).round_().clamp_(Scalars.Zero, Steps).to(ScalarType.Int32).view(weight.shape);
        _weight = CudaKernels.PackInt4(steps).DetachFromDisposeScope();
        _scales = torch.cat([scale, scale.mul(Middle).add_(least, Scalars.One)], 2).transpose(0, 1).contiguous().to(ScalarType.BFloat16).DetachFromDisposeScope();
    }

    public override WeightForm Form => WeightForm.Int4;

    public static bool Fits(Tensor weight) =>
        weight.device_type == DeviceType.CUDA && weight.shape[0] % OutputsTogether == 0 && weight.shape[1] % WeightRounding.Group == 0;

    public override Tensor Multiply(Tensor rows, Tensor? bias)
    {
        using var scope = NewDisposeScope();
        var product = CudaKernels.MultiplyInt4(rows.to(ScalarType.BFloat16), _weight, WeightRounding.Group, _scales).to(rows.dtype);
        return (bias is null ? product : product.add_(bias, Scalars.One)).MoveToOuterDisposeScope();
    }

    public override void Dispose()
    {
        _weight.Dispose();
        _scales.Dispose();
    }
}
