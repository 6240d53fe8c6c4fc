namespace LlamaVid.Model.Layers;

/// <summary>bfloat16 in oneDNN's own order. Few rows are multiplied by a kernel of our own where it knows that order, many where the processor's pairs are slow, all others by oneDNN's.</summary>
internal sealed class BFloat16Weight : PackedWeight
{
    private readonly Tensor _weight;
    private readonly BFloat16Product.Weight? _tiles;                        // in the memory of _weight

    public BFloat16Weight(Tensor weight)
    {
        _weight = OneDnn.Reorder(weight).DetachFromDisposeScope();
        _tiles = BFloat16Tiles.Of(weight, _weight);
    }

    public override WeightForm Form => WeightForm.BFloat16;

    public static bool Fits(Tensor weight) =>
        weight.dtype == ScalarType.BFloat16 && weight.device_type == DeviceType.CPU && Devices.MultipliesBFloat16;

    public override Tensor Multiply(Tensor rows, Tensor? bias) => _tiles switch
    {
        { } tiles when rows.shape[0] <= BFloat16Product.MostRows => BFloat16Product.Multiply(rows, tiles, bias),
        { } tiles when Devices.PairsBFloat16Slowly => BFloat16Eights.Multiply(rows, tiles, bias),
        _ => OneDnn.Multiply(rows, _weight, bias),
    };

    public override void Dispose() => _weight.Dispose();
}
