namespace LlamaVid.Model.Layers;

/// <summary>bfloat16 in oneDNN's own order.</summary>
internal sealed class BFloat16Weight : PackedWeight
{
    private readonly Tensor _weight;

    public BFloat16Weight(Tensor weight) => _weight = OneDnn.Reorder(weight).DetachFromDisposeScope();

    public override WeightForm Form => WeightForm.BFloat16;

    public static bool Fits(Tensor weight) =>
        weight.dtype == ScalarType.BFloat16 && weight.device_type == DeviceType.CPU && Devices.MultipliesBFloat16;

    public override Tensor Multiply(Tensor rows, Tensor? bias) => OneDnn.Multiply(rows, _weight, bias);

    public override void Dispose() => _weight.Dispose();
}
