namespace LlamaVid.Model.Layers;

/// <summary>Finds out whether 8-bit weights that oneDNN has packed lie in tiles that <see cref="Int8Product"/> reads.</summary>
/// <remarks>As <see cref="BFloat16Tiles"/>: the bytes are compared, for oneDNN promises no order. Behind the tiles lie sums of the weights, which it needs for rows around 128.</remarks>
internal static unsafe class Int8Tiles
{
    private const int FilledUp = 64, Compared = 64;                         // inputs to a multiple; every 64th tile

    /// <param name="weight">[outputs, inputs] int8, contiguous</param>
    /// <param name="packed">the same, packed</param>
    /// <param name="scales">[outputs] float32</param>
    /// <returns>null when it lies otherwise</returns>
    public static Int8Product.Weight? Of(Tensor weight, Tensor packed, Tensor scales)
    {
        var (outputs, width) = ((int)weight.shape[0], (int)weight.shape[1]);
        var (inputs, tiles) = ((width + FilledUp - 1) / FilledUp * FilledUp, (outputs + Int8Product.Tile - 1) / Int8Product.Tile);
        var (address, bytes) = OneDnn.Place(packed);
        if (bytes != (long)tiles * Int8Product.Tile * (inputs + sizeof(int))) return null;

        var values = (sbyte*)BFloat16Lanes.Address(weight);
        var negative = address + (nint)tiles * Int8Product.Tile * inputs;
        for (var tile = 0; tile < tiles; tile++)
            if ((tile % Compared == 0 || tile == tiles - 1)
                && !Holds((sbyte*)address + (long)tile * Int8Product.Tile * inputs, (int*)negative + tile * Int8Product.Tile, values, tile * Int8Product.Tile, outputs, width, inputs))
                return null;
        return new(address, negative, BFloat16Lanes.Address(scales), outputs, inputs);
    }

    private static bool Holds(sbyte* tile, int* negative, sbyte* weight, int first, int outputs, int width, int inputs)
    {
        for (var row = 0; row < Int8Product.Tile; row++)
        {
            var sum = 0;
            for (var input = 0; input < inputs; input++)
            {
                var expected = first + row < outputs && input < width ? weight[(long)(first + row) * width + input] : 0;
                if (tile[(input / 4 * Int8Product.Tile + row) * 4 + input % 4] != expected) return false;
                sum += expected;
            }
            if (negative[row] != -sum) return false;
        }
        return true;
    }
}
