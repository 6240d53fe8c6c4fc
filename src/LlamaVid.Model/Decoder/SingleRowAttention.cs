using System.Buffers;
using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using System.Runtime.Intrinsics;

namespace LlamaVid.Model.Decoder;

/// <summary>Attention of one row of bfloat16 to the keys and values of its sequence, on the CPU: what a step of decoding does for every sequence in every layer.</summary>
/// <remarks>
/// Through tensor operators this takes some fifteen calls for a sequence and layer, 256 times so many for 16 sequences and 16 layers, however short the sequences are.
/// Here it is one pass over keys and one over values. Sums are float32 and in one order: the result does not depend on the other rows, or on who computes it.
/// </remarks>
internal static unsafe class SingleRowAttention
{
    /// <summary>Below so many bytes of keys and values a second thread comes too late.</summary>
    private const long LeastForThreads = 1 << 19;

    /// <summary>Where a row's query, its sequence's keys and values, and its result lie.</summary>
    /// <param name="Query">[H, D]</param>
    /// <param name="Keys">[K, capacity, D]</param>
    /// <param name="Values">[K, capacity, D]</param>
    /// <param name="Result">[H · D]</param>
    /// <param name="Length">positions that the row looks at</param>
    public readonly record struct Row(nint Query, nint Keys, nint Values, nint Result, int Length, int Capacity);

    /// <summary>In inference on a CPU with registers of 512 bits, and heads that fill one of them.</summary>
    public static bool Fits(Tensor rows, int size) => size >= BFloat16Lanes.Half && BFloat16Lanes.Fit(rows);

    /// <param name="kvHeads">K, each for heads / K queries</param>
    public static void Attend(IReadOnlyList<Row> rows, int heads, int kvHeads, int size)
    {
        var bytes = rows.Sum(row => 4L * row.Length * kvHeads * size);
        if (bytes < LeastForThreads)
            for (var i = 0; i < rows.Count * kvHeads; i++) Group(i);
        else Parallel.For(0, rows.Count * kvHeads, Group);

        void Group(int index)
        {
            var (row, kvHead, group) = (rows[index / kvHeads], index % kvHeads, heads / kvHeads);
            var (offset, scores) = ((long)kvHead * row.Capacity * size, ArrayPool<float>.Shared.Rent(row.Length));
            for (var head = kvHead * group; head < (kvHead + 1) * group; head++)
                Head((ushort*)row.Query + head * size, (ushort*)row.Keys + offset, (ushort*)row.Values + offset, (ushort*)row.Result + head * size, size, scores.AsSpan(0, row.Length));
            ArrayPool<float>.Shared.Return(scores);
        }
    }

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]              // the first answers of a process are as fast as the later ones
    private static void Head(ushort* query, ushort* keys, ushort* values, ushort* result, int size, Span<float> scores)
    {
        var registers = BFloat16Lanes.Registers(size);
        var wide = stackalloc float[registers * BFloat16Lanes.Half];        // a value that two registers hold counts in the first
        var scale = 1 / MathF.Sqrt(size);
        for (var i = 0; i < registers * BFloat16Lanes.Half; i++)
        {
            var (register, lane) = Math.DivRem(i, BFloat16Lanes.Half);
            var at = BFloat16Lanes.Start(register, size) + lane;
            wide[i] = at < register * BFloat16Lanes.Half ? 0 : BFloat16Lanes.Wide(query[at]) * scale;
        }

        var greatest = float.NegativeInfinity;
        for (var position = 0; position < scores.Length; position++)
        {
            scores[position] = Dot(wide, keys + (long)position * size, size);
            greatest = Math.Max(greatest, scores[position]);                // NaN stays NaN
        }
        var inverse = Vector512.Create(1 / Exponentials(scores, greatest));
        for (var register = 0; register < registers; register += 2)        // two sums at a time, for the additions take longer than the loads
        {
            var (first, second) = (BFloat16Lanes.Start(register, size), BFloat16Lanes.Start(Math.Min(register + 1, registers - 1), size));
            var (low, high) = (Vector512<float>.Zero, Vector512<float>.Zero);
            var value = values;
            foreach (var score in scores)
            {
                var weight = Vector512.Create(score);
                low = Vector512.FusedMultiplyAdd(weight, BFloat16Lanes.LoadHalf(value + first), low);
                high = Vector512.FusedMultiplyAdd(weight, BFloat16Lanes.LoadHalf(value + second), high);
                value += size;
            }
            BFloat16Lanes.StoreHalf(low * inverse, result + first);
            BFloat16Lanes.StoreHalf(high * inverse, result + second);
        }
    }

    /// <param name="query">a register for each of the key's</param>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static float Dot(float* query, ushort* key, int size)
    {
        var (low, high, register) = (Vector512<float>.Zero, Vector512<float>.Zero, 0);
        for (; (register + 2) * BFloat16Lanes.Half <= size; register += 2)
        {
            var at = register * BFloat16Lanes.Half;
            low = Vector512.FusedMultiplyAdd(BFloat16Lanes.LoadHalf(key + at), Vector512.Load(query + at), low);
            high = Vector512.FusedMultiplyAdd(BFloat16Lanes.LoadHalf(key + at + BFloat16Lanes.Half), Vector512.Load(query + at + BFloat16Lanes.Half), high);
        }
        for (; register < BFloat16Lanes.Registers(size); register++)
            low = Vector512.FusedMultiplyAdd(BFloat16Lanes.LoadHalf(key + BFloat16Lanes.Start(register, size)), Vector512.Load(query + register * BFloat16Lanes.Half), low);
        return Vector512.Sum(low + high);
    }

    /// <summary>Puts e^(score - greatest) in the scores' places.</summary>
    /// <returns>their sum</returns>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static float Exponentials(Span<float> scores, float greatest)
    {
        var sum = Vector512<float>.Zero;
        var vectors = MemoryMarshal.Cast<float, Vector512<float>>(scores);
        for (var i = 0; i < vectors.Length; i++) sum += vectors[i] = Vector512.Exp(vectors[i] - Vector512.Create(greatest));
        var total = Vector512.Sum(sum);
        for (var i = vectors.Length * Vector512<float>.Count; i < scores.Length; i++) total += scores[i] = MathF.Exp(scores[i] - greatest);
        return total;
    }
}
