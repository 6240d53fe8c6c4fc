using System.Runtime.Intrinsics;

namespace LlamaVid.Model.Layers;

/// <summary>Products of rows of bytes with an 8-bit weight that lies as oneDNN packs it, read once from its first byte to its last. Knows nothing of how it came to lie so.</summary>
/// <remarks>
/// A step of some streams is bound by reading weights, which oneDNN does not ask for ahead of its loop. Whole numbers have one sum, so the result is oneDNN's to the bit.
/// </remarks>
internal static unsafe class Int8Product
{
    /// <summary>Outputs that lie together: of four inputs 64 times four weights.</summary>
    public const int Tile = 64;

    /// <summary>Rows up to which this is the faster way.</summary>
    public const int MostRows = 32;

    private const int BytesOfTask = 1 << 18, MiddleBits = 7;

    /// <summary>Inputs whose weights, 32 KB, stay in the caches for all rows.</summary>
    private const int Block = 512;

    /// <param name="Address">of tiles [⌈outputs / 64⌉, inputs / 4, 64, 4], filled up with zeros</param>
    /// <param name="Negative">address of [⌈outputs / 64⌉, 64] int32: sums of an output's weights times -1</param>
    /// <param name="Scales">address of [outputs] float32</param>
    /// <param name="Inputs">a multiple of 64, those that fill up included</param>
    public readonly record struct Weight(nint Address, nint Negative, nint Scales, int Outputs, int Inputs);

    /// <param name="rows">[M, inputs] bytes around 128, contiguous</param>
    /// <param name="rowScales">[M, 1] bfloat16</param>
    /// <returns>[M, outputs] bfloat16</returns>
    public static Tensor Multiply(Tensor rows, Tensor rowScales, Weight weight, Int8Kernel kernel)
    {
        var (count, width, tiles) = ((int)rows.shape[0], (int)rows.shape[1], (weight.Outputs + Tile - 1) / Tile);
        var product = torch.empty([count, weight.Outputs], ScalarType.BFloat16);
        using var filled = width < weight.Inputs ? nn.functional.pad(rows, [0, weight.Inputs - width]) : null;
        var (from, factors, results) = (BFloat16Lanes.Address(filled ?? rows), BFloat16Lanes.Address(rowScales), BFloat16Lanes.Address(product));
        var groups = (count + Int8Kernel.MostRows - 1) / Int8Kernel.MostRows;
        var tilesOfTask = Math.Max(1, BytesOfTask / (Tile * weight.Inputs));
        var tasks = (tiles + tilesOfTask - 1) / tilesOfTask;
        if (tasks == 1) Part(0);
        else Parallel.For(0, tasks, Part);
        GC.KeepAlive(rows);
        GC.KeepAlive(rowScales);
        return product;

        void Part(int task)
        {
            var sums = stackalloc int[MostRows * Tile];
            for (var tile = task * tilesOfTask; tile < Math.Min(tiles, (task + 1) * tilesOfTask); tile++)
            {
                Sum(tile, sums);
                var room = Math.Min(Tile, weight.Outputs - tile * Tile);
                for (var row = 0; row < count; row++)
                    Store(sums + row * Tile, (float*)weight.Scales + tile * Tile, BFloat16Lanes.Wide(((ushort*)factors)[row]), (ushort*)results + (long)row * weight.Outputs + tile * Tile, room);
            }
        }

        void Sum(int tile, int* sums)
        {
            var weights = weight.Address + (nint)tile * Tile * weight.Inputs;
            for (var at = 0; at < Tile; at += BFloat16Lanes.Half)
            {
                var start = Vector512.Load((int*)weight.Negative + tile * Tile + at) << MiddleBits;
                for (var row = 0; row < count; row++) start.Store(sums + row * Tile + at);
            }
            for (var input = 0; input < weight.Inputs; input += Block, weights += Block * Tile)
            {
                var (passes, next) = (Math.Min(Block, weight.Inputs - input) / Int8Kernel.InputsOfPass, weights + Block * Tile);
                for (var row = 0; row < count; row += Int8Kernel.MostRows)
                {
                    var together = Math.Min(Int8Kernel.MostRows, count - row);
                    var nextOfPass = Ahead.Share(Int8Kernel.InputsOfPass * Tile, groups * Int8Kernel.Turns(together));
                    kernel.Sum(together, new(weights, from + (nint)row * weight.Inputs + input, weight.Inputs, (nint)(sums + row * Tile), passes, next, nextOfPass));
                    next += passes * nextOfPass * Int8Kernel.Turns(together);
                }
            }
        }
    }

    /// <summary>Rounds twice, as oneDNN's product and its multiplication by the rows' scales do.</summary>
    private static void Store(int* sums, float* scales, float rowScale, ushort* results, int room)
    {
        var at = 0;
        for (; at <= room - BFloat16Lanes.Half; at += BFloat16Lanes.Half)
            BFloat16Lanes.StoreHalf(BFloat16Lanes.Round(Vector512.ConvertToSingle(Vector512.Load(sums + at)) * Vector512.Load(scales + at)) * Vector512.Create(rowScale), results + at);
        for (; at < room; at++) results[at] = BFloat16Lanes.Bits(BFloat16Lanes.Wide(BFloat16Lanes.Bits(sums[at] * scales[at])) * rowScale);
    }
}
