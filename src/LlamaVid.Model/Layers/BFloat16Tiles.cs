using System.Runtime.Intrinsics;

namespace LlamaVid.Model.Layers;

/// <summary>Finds out whether a weight that oneDNN has reordered lies in tiles that <see cref="BFloat16Product"/> reads.</summary>
/// <remarks>oneDNN chooses an order by processor and size, and does not say which one: it is asked for the bytes, and they are compared with the weight.</remarks>
internal static unsafe class BFloat16Tiles
{
    private const int FilledUp = 16, Compared = 64;                         // inputs to a multiple; every 64th tile

    /// <param name="weight">[outputs, inputs] bfloat16</param>
    /// <param name="packed">the same, reordered</param>
    /// <returns>null when it lies otherwise, or this processor has no registers for the product</returns>
    public static BFloat16Product.Weight? Of(Tensor weight, Tensor packed)
    {
        if (!Vector512.IsHardwareAccelerated) return null;

        var (outputs, width) = ((int)weight.shape[0], (int)weight.shape[1]);
        var (inputs, tiles) = ((width + FilledUp - 1) / FilledUp * FilledUp, (outputs + BFloat16Product.Tile - 1) / BFloat16Product.Tile);
        var (address, bytes) = OneDnn.Place(packed);
        if (bytes != (long)tiles * BFloat16Product.Tile * inputs * sizeof(ushort)) return null;

        using var contiguous = weight.contiguous();
        var values = (ushort*)BFloat16Lanes.Address(contiguous);
        for (var tile = 0; tile < tiles; tile++)
            if ((tile % Compared == 0 || tile == tiles - 1) && !Holds((ushort*)address + (long)tile * BFloat16Product.Tile * inputs, values, tile * BFloat16Product.Tile, outputs, width, inputs))
                return null;
        return new(address, outputs, inputs);
    }

    private static bool Holds(ushort* tile, ushort* weight, int first, int outputs, int width, int inputs)
    {
        for (var row = 0; row < BFloat16Product.Tile; row++)
            for (var input = 0; input < inputs; input++)
            {
                var expected = first + row < outputs && input < width ? weight[(long)(first + row) * width + input] : 0;
                if (tile[(input / 2 * BFloat16Product.Tile + row) * 2 + input % 2] != expected) return false;
            }
        return true;
    }
}
