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

    private const int Pairs = BFloat16Lanes.Count, Half = BFloat16Lanes.Half;

    /// <summary>Where a row's query, its sequence's keys and values, and its result lie.</summary>
    /// <param name="Query">[H, D]</param>
    /// <param name="Keys">[K, capacity, D]</param>
    /// <param name="Values">[K, capacity, D]</param>
    /// <param name="Result">[H · D]</param>
    /// <param name="Length">positions that the row looks at</param>
    public readonly record struct Row(nint Query, nint Keys, nint Values, nint Result, int Length, int Capacity);

    /// <summary>In inference on a CPU with registers of 512 bits, and heads that fill one of them.</summary>
    public static bool Fits(Tensor rows, int size) => size >= Half && BFloat16Lanes.Fit(rows);

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
        var wide = stackalloc float[Floats(size)];
        Load(query, size, wide);
        var greatest = float.NegativeInfinity;
        for (var position = 0; position < scores.Length; position++)
        {
            scores[position] = Dot(wide, keys + (long)position * size, size);
            greatest = Math.Max(greatest, scores[position]);                // NaN stays NaN
        }
        var inverse = Vector512.Create(1 / Exponentials(scores, greatest));
        var pairs = size / Pairs;
        for (var at = 0; at < pairs; at += 2)
        {
            var (first, second) = (at * Pairs, Math.Min(at + 1, pairs - 1) * Pairs);
            AddPairs(values + first, values + second, size, scores, inverse, result + first, result + second);
        }
        for (var at = pairs * Pairs; at < size; at += Half) AddHalf(values + Start(at, size), size, scores, inverse, result + Start(at, size));
    }

    /// <summary>Of a query that is laid out as keys are read: by pairs as far as they go, then by halves of them. A value that two halves hold counts in the first.</summary>
    private static int Floats(int size) => (size + Half - 1) / Half * Half;

    private static void Load(ushort* query, int size, float* wide)
    {
        var (scale, at) = (Vector512.Create(1 / MathF.Sqrt(size)), 0);
        for (; at <= size - Pairs; at += Pairs)
        {
            var (even, odd) = BFloat16Lanes.LoadPairs(query + at);
            (even * scale).Store(wide + at);
            (odd * scale).Store(wide + at + Half);
        }
        for (; at < size; at += Half)
        {
            (BFloat16Lanes.LoadHalf(query + Start(at, size)) * scale).Store(wide + at);
            new Span<float>(wide + at, at - Start(at, size)).Clear();
        }
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static float Dot(float* query, ushort* key, int size)
    {
        var (low, high, at) = (Vector512<float>.Zero, Vector512<float>.Zero, 0);
        for (; at <= size - Pairs; at += Pairs)
        {
            Ahead.Line1(key + at);
            var (even, odd) = BFloat16Lanes.LoadPairs(key + at);
            low = Vector512.FusedMultiplyAdd(even, Vector512.Load(query + at), low);
            high = Vector512.FusedMultiplyAdd(odd, Vector512.Load(query + at + Half), high);
        }
        for (; at < size; at += Half) low = Vector512.FusedMultiplyAdd(BFloat16Lanes.LoadHalf(key + Start(at, size)), Vector512.Load(query + at), low);
        return Vector512.Sum(low + high);
    }

    /// <summary>Twice 32 values of all positions: four sums, for an addition takes longer than the loads.</summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static void AddPairs(ushort* first, ushort* second, int stride, ReadOnlySpan<float> scores, Vector512<float> inverse, ushort* result, ushort* secondResult)
    {
        var (a, b, c, d) = (Vector512<float>.Zero, Vector512<float>.Zero, Vector512<float>.Zero, Vector512<float>.Zero);
        foreach (var score in scores)
        {
            Ahead.Line1(first);
            Ahead.Line1(second);
            var weight = Vector512.Create(score);
            var (even, odd) = BFloat16Lanes.LoadPairs(first);
            var (secondEven, secondOdd) = BFloat16Lanes.LoadPairs(second);
            a = Vector512.FusedMultiplyAdd(weight, even, a);
            b = Vector512.FusedMultiplyAdd(weight, odd, b);
            c = Vector512.FusedMultiplyAdd(weight, secondEven, c);
            d = Vector512.FusedMultiplyAdd(weight, secondOdd, d);
            first += stride;
            second += stride;
        }
        BFloat16Lanes.StorePairs(a * inverse, b * inverse, result);
        BFloat16Lanes.StorePairs(c * inverse, d * inverse, secondResult);
    }

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static void AddHalf(ushort* values, int stride, ReadOnlySpan<float> scores, Vector512<float> inverse, ushort* result)
    {
        var sum = Vector512<float>.Zero;
        foreach (var score in scores)
        {
            sum = Vector512.FusedMultiplyAdd(Vector512.Create(score), BFloat16Lanes.LoadHalf(values), sum);
            values += stride;
        }
        BFloat16Lanes.StoreHalf(sum * inverse, result);
    }

    /// <summary>The last half ends with the head.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static int Start(int at, int size) => Math.Min(at, size - Half);

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
