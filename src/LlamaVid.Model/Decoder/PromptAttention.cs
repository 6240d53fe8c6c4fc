using System.Runtime.InteropServices;
using System.Runtime.Intrinsics;

namespace LlamaVid.Model.Decoder;

/// <summary>Attention of several rows of one sequence in bfloat16 on the CPU: what a part of a prompt does in every layer. Knows blocks of positions and the softmax over them; <see cref="QueryTile"/> multiplies.</summary>
/// <remarks>
/// A block of keys and values is read from memory once and stays in the core's cache for all rows. Each row keeps the greatest score so far, and the sums relative to it, from block to block: nothing is as long as the sequence is.
/// Blocks begin at the same positions whatever the rows, all that lies between is float32, and what a row does not see adds zero. So a row's result is the same to the bit however a prompt is divided.
/// </remarks>
internal static unsafe class PromptAttention
{
    private const int Block = 512, QueriesTogether = 64;
    private const long LeastForThreads = 1 << 21;

    /// <summary>In inference on a CPU with registers of 512 bits, and heads that fill one of them with pairs.</summary>
    public static bool Fits(Tensor rows, int size) => size >= BFloat16Lanes.Count && size % 2 == 0 && BFloat16Lanes.Fit(rows);

    /// <param name="query">[S, H, D]</param>
    /// <param name="keys">[K, capacity, D], each for H / K queries; row i looks at the positions 0 .. past + i</param>
    /// <param name="values">[K, capacity, D]</param>
    /// <param name="result">[S, H · D]</param>
    public static void Attend(nint query, nint keys, nint values, nint result, int rows, int past, int capacity, int heads, int kvHeads, int size)
    {
        var group = heads / kvHeads;
        var (queries, stride) = (rows * group, (long)capacity * size);
        var parts = (queries + QueriesTogether - 1) / QueriesTogether;
        if ((long)rows * (past + rows) * heads * size < LeastForThreads)
            for (var i = 0; i < kvHeads * parts; i++) Part(i);
        else Parallel.For(0, kvHeads * parts, Part);

        void Part(int index)
        {
            var (head, part) = Math.DivRem(index, parts);
            var (first, count) = (part * QueriesTogether, Math.Min(QueriesTogether, queries - part * QueriesTogether));
            var tiles = (count + QueryTile.Rows - 1) / QueryTile.Rows;
            var floats = tiles * QueryTile.Floats(size) + Block * QueryTile.Rows;
            var memory = (float*)NativeMemory.AlignedAlloc((nuint)floats * sizeof(float), (nuint)sizeof(Vector512<float>));
            try
            {
                new Span<float>(memory, floats).Clear();
                var weights = memory + tiles * QueryTile.Floats(size);
                for (var i = 0; i < count; i++) Tile(i / QueryTile.Rows).Load(i % QueryTile.Rows, (ushort*)query + At(i));
                for (var start = 0; start < Seen(count - 1); start += Block)
                    for (var tile = 0; tile < tiles; tile++)
                    {
                        var row = tile * QueryTile.Rows;
                        var seen = Math.Min(Block, Seen(Math.Min(row + QueryTile.Rows, count) - 1) - start);
                        if (seen <= 0) continue;
                        var offset = head * stride + (long)start * size;
                        Tile(tile).Score((ushort*)keys + offset, seen, weights, ahead: (ushort*)values + offset);
                        for (var i = 0; i < QueryTile.Rows; i++) Hide(weights + i, Seen(row + i) - start, seen);
                        Tile(tile).Weigh(weights, seen);
                        Tile(tile).Add((ushort*)values + offset, seen, weights);
                    }
                for (var i = 0; i < count; i++) Tile(i / QueryTile.Rows).Store(i % QueryTile.Rows, (ushort*)result + At(i));
            }
            finally
            {
                NativeMemory.AlignedFree(memory);
            }

            QueryTile Tile(int tile) => new(memory + tile * QueryTile.Floats(size), size);
            int Seen(int i) => past + (first + i) / group + 1;
            long At(int i) => ((long)((first + i) / group) * heads + head * group + (first + i) % group) * size;
        }
    }

    /// <summary>Positions that a row does not look at, and those that fill the last register, weigh nothing.</summary>
    private static void Hide(float* scores, int from, int count)
    {
        for (var position = Math.Clamp(from, 0, count); position < QueryTile.Filled(count); position++) scores[position * QueryTile.Rows] = float.NegativeInfinity;
    }
}
