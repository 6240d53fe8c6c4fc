namespace LlamaVid.Model.Layers;

/// <summary>The integers of <see cref="Int8Weight"/> on CUDA: a scale per output, and rows that are rounded to 8 bits on the way, each with a scale of its own.</summary>
/// <remarks>Not run on a GPU; its arithmetic is tested on CPUs, which have the same operator.</remarks>
internal sealed class CudaInt8Weight : PackedWeight
{
    private const int Together = 8;

    private static readonly Scalar Steps = 127f.ToScalar(), Least = 1e-12f.ToScalar();

    private readonly Tensor _weight;                                        // [outputs, inputs] int8
    private readonly Tensor _scales;                                        // [outputs] float32

    public CudaInt8Weight(Tensor weight)
    {
        (_weight, _scales) = Round(weight);
        _weight.DetachFromDisposeScope();
        _scales = _scales.squeeze(1).DetachFromDisposeScope();
    }

    public override WeightForm Form => WeightForm.Int8;

    public static bool Fits(Tensor weight) =>
        weight.device_type == DeviceType.CUDA && weight.shape[0] % Together == 0 && weight.shape[1] % Together == 0;

    public override Tensor Multiply(Tensor rows, Tensor? bias)
    {
        using var scope = NewDisposeScope();
        var (bytes, scales) = Round(rows);
        var product = CudaKernels.MultiplyInt8(bytes, _weight).to(ScalarType.Float32).mul_(scales).mul_(_scales);
        return (bias is null ? product : product.add_(bias, Scalars.One)).to(rows.dtype).MoveToOuterDisposeScope();
    }

    public override void Dispose()
    {
        _weight.Dispose();
        _scales.Dispose();
    }

    /// <returns>[M, K] int8, and [M, 1] float32 of which each is worth its row's</returns>
    private static (Tensor Integers, Tensor Scales) Round(Tensor rows)
    {
        var wide = rows.to(ScalarType.Float32);
        var scales = wide.abs().amax([1L], keepdim: true).clamp_min_(Least).div_(Steps);
        return (wide.div(scales).round_().to(ScalarType.Int8), scales);
    }
}
