namespace LlamaVid.Model.Layers;

/// <summary>8-bit integers with a scale per output (the greatest magnitude becomes 127), multiplied with rows that are rounded to 8 bits on the way.</summary>
/// <remarks>A row has its own scale, so its result does not depend on the rows beside it. Some rows are multiplied by a kernel of our own where it knows oneDNN's order, many by oneDNN's.</remarks>
internal sealed class Int8Weight : PackedWeight
{
    private readonly Tensor _weight;                                        // oneDNN's order
    private readonly Tensor _scales;                                        // [outputs] float32
    private readonly Tensor _zeros;                                         // [outputs] int32, all 0
    private readonly Int8Kernel? _kernel = Int8Kernel.Here;                 // is assembled while weights are loaded, and not under the first request
    private readonly Int8Product.Weight? _tiles;                            // in the memory of _weight

    public Int8Weight(Tensor weight)
    {
        var (integers, scales) = WeightRounding.ToInt8(weight);
        _weight = OneDnn.PackInt8(integers).DetachFromDisposeScope();
        _scales = scales.DetachFromDisposeScope();
        _zeros = torch.zeros(scales.shape, ScalarType.Int32).DetachFromDisposeScope();
        if (_kernel is not null) _tiles = Int8Tiles.Of(integers, _weight, _scales);
    }

    public override WeightForm Form => WeightForm.Int8;

    public static bool Fits(Tensor weight) => weight.device_type == DeviceType.CPU && Devices.MultipliesInt8;

    public override Tensor Multiply(Tensor rows, Tensor? bias)
    {
        using var scope = NewDisposeScope();
        var (bytes, scales) = RowBytes.Round(rows.to(ScalarType.BFloat16));
        var product = _tiles is { } tiles && bias is null && rows.shape[0] <= Int8Product.MostRows
            ? Int8Product.Multiply(bytes, scales, tiles, _kernel!)
            : OneDnn.Multiply(bytes, scales, _weight, _scales, _zeros, bias?.to(ScalarType.BFloat16));
        return product.to(rows.dtype).MoveToOuterDisposeScope();
    }

    public override void Dispose()
    {
        _weight.Dispose();
        _scales.Dispose();
        _zeros.Dispose();
    }
}
