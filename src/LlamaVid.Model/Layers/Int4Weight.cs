namespace LlamaVid.Model.Layers;

/// <summary>4-bit integers; each group of inputs of an output has a scale and an offset between which its values lie.</summary>
/// <remarks>The CUDA side is written by reading and not run on a GPU.</remarks>
internal sealed class Int4Weight : PackedWeight
{
    private const int Group = 128, OutputsTogether = 16, CudaOutputsTogether = 8;

    private static readonly Scalar Steps = 15f.ToScalar(), Middle = 8f.ToScalar(), Least = 1e-12f.ToScalar();

    private readonly bool _isCuda;
    private readonly Tensor _weight;
    private readonly Tensor _scales;                                        // [inputs / group, outputs, 2]: scale, and the value of step 8

    public Int4Weight(Tensor weight)
    {
        _isCuda = weight.device_type == DeviceType.CUDA;
        var groups = weight.to(ScalarType.Float32).view(weight.shape[0], -1, Group);
        var least = groups.amin([2L], keepdim: true);
        var scale = groups.amax([2L], keepdim: true).sub_(least).clamp_min_(Least).div_(Steps).to(weight.dtype).to(ScalarType.Float32);
        var steps = groups.sub(least).div_(scale).round_().clamp_(Scalars.Zero, Steps).to(ScalarType.Int32).view(weight.shape);
        _weight = (_isCuda ? CudaKernels.PackInt4(steps) : OneDnn.PackInt4(steps)).DetachFromDisposeScope();
        _scales = torch.cat([scale, scale.mul(Middle).add_(least, Scalars.One)], 2).transpose(0, 1).contiguous().to(_isCuda ? ScalarType.BFloat16 : weight.dtype).DetachFromDisposeScope();
    }

    public override WeightForm Form => WeightForm.Int4;

    public static bool Fits(Tensor weight) => weight.shape[1] % Group == 0 && weight.device_type switch
    {
        DeviceType.CPU => weight.shape[0] % OutputsTogether == 0,
        DeviceType.CUDA => weight.shape[0] % CudaOutputsTogether == 0,
        _ => false,
    };

    public override Tensor Multiply(Tensor rows, Tensor? bias)
    {
        using var scope = NewDisposeScope();
        var product = _isCuda
            ? CudaKernels.MultiplyInt4(rows.to(ScalarType.BFloat16), _weight, Group, _scales).to(rows.dtype)
            : OneDnn.MultiplyInt4(rows, _weight, Group, _scales);
        return (bias is null ? product : product.add_(bias, Scalars.One)).MoveToOuterDisposeScope();
    }

    public override void Dispose()
    {
        _weight.Dispose();
        _scales.Dispose();
    }
}
