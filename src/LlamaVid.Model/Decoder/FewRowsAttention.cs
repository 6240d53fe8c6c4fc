using System.Buffers;
using System.Runtime.InteropServices;
using System.Runtime.Intrinsics;

namespace LlamaVid.Model.Decoder;

/// <summary>Attention of a few rows of bfloat16 to the keys and values of their sequence, on the CPU: what a step of decoding, or a small part of a prompt, does for every sequence in every layer.</summary>
/// <remarks>
/// Through tensor operators this takes some fifteen calls for a sequence and layer, 256 times so many for 16 sequences and 16 layers, however short the sequences are, and few rows cost libtorch's kernel as much as many.
/// Here it is one pass over keys and one over values, each for four queries at a time. Sums are float32 and in one order: the result does not depend on the other rows, or on who computes it.
/// </remarks>
internal static unsafe class FewRowsAttention
{
    /// <summary>Beyond so many rows of one sequence libtorch's kernel, which multiplies in bfloat16, is faster.</summary>
    public const int Most = 64;

    /// <summary>Below so many bytes of keys and values a second thread comes too late.</summary>
    private const long LeastForThreads = 1 << 19;

    private const int Together = 4;

    /// <summary>Where the rows of a sequence, its keys and values, and the results lie.</summary>
    /// <param name="Query">[Count, H, D]</param>
    /// <param name="Keys">[K, capacity, D]</param>
    /// <param name="Values">[K, capacity, D]</param>
    /// <param name="Result">[Count, H · D]</param>
    /// <param name="Past">positions before the first row's; row i looks at these and i + 1 more</param>
    public readonly record struct Rows(nint Query, nint Keys, nint Values, nint Result, int Count, int Past, int Capacity);

    /// <param name="kvHeads">K, each for heads / K queries</param>
    public static void Attend(IReadOnlyList<Rows> sequences, int heads, int kvHeads, int size)
    {
        var bytes = sequences.Sum(rows => 4L * (rows.Past + rows.Count) * rows.Count * kvHeads * size);
        if (bytes < LeastForThreads)
            for (var i = 0; i < sequences.Count * kvHeads; i++) Group(i);
        else Parallel.For(0, sequences.Count * kvHeads, Group);

        void Group(int index)
        {
            var (rows, kvHead, group) = (sequences[index / kvHeads], index % kvHeads, heads / kvHeads);
            var offset = (long)kvHead * rows.Capacity * size;
            ushort* keys = (ushort*)rows.Keys + offset, values = (ushort*)rows.Values + offset;
            var stride = rows.Past + rows.Count;
            var buffer = ArrayPool<float>.Shared.Rent(Together * stride);
            fixed (float* scores = buffer)
            {
                var (next, queries) = (0, rows.Count * group);
                for (; next + Together <= queries; next += Together) Four(At(next), At(next + 1), At(next + 2), At(next + 3), keys, values, size, scores, stride);
                for (; next < queries; next++) One(At(next), keys, values, size, scores);
            }
            ArrayPool<float>.Shared.Return(buffer);

            Place At(int query)
            {
                var (row, head) = (query / group, kvHead * group + query % group);
                var at = ((long)row * heads + head) * size;
                return new((ushort*)rows.Query + at, (ushort*)rows.Result + at, rows.Past + row + 1);
            }
        }
    }

    /// <summary>One query, where its result goes, and how many positions it looks at.</summary>
    private readonly struct Place(ushort* query, ushort* result, int length)
    {
        public readonly ushort* Query = query, Result = result;
        public readonly int Length = length;

        /// <summary>As float32, scaled.</summary>
        public void Widen(float* into, int size)
        {
            var scale = 1 / MathF.Sqrt(size);
            for (var i = 0; i < size; i++) into[i] = BitConverter.Int32BitsToSingle(Query[i] << 16) * scale;
        }
    }

    private static void One(Place place, ushort* keys, ushort* values, int size, float* scores)
    {
        var query = stackalloc float[size];
        place.Widen(query, size);
        for (var position = 0; position < place.Length; position++, keys += size)
        {
            var (low, high) = (Vector512<float>.Zero, Vector512<float>.Zero);
            for (var i = 0; i < size; i += BFloat16Lanes.Count)
            {
                var (first, second) = BFloat16Lanes.Load(keys + i);
                low = Vector512.FusedMultiplyAdd(first, Vector512.Load(query + i), low);
                high = Vector512.FusedMultiplyAdd(second, Vector512.Load(query + i + Vector512<float>.Count), high);
            }
            scores[position] = Vector512.Sum(low + high);
        }
        var inverse = Vector512.Create(1 / Exponentials(new(scores, place.Length)));
        for (var column = 0; column < size; column += BFloat16Lanes.Count)
        {
            var (low, high) = (Vector512<float>.Zero, Vector512<float>.Zero);
            var value = values + column;
            for (var position = 0; position < place.Length; position++, value += size)
            {
                var (weight, (first, second)) = (Vector512.Create(scores[position]), BFloat16Lanes.Load(value));
                low = Vector512.FusedMultiplyAdd(weight, first, low);
                high = Vector512.FusedMultiplyAdd(weight, second, high);
            }
            BFloat16Lanes.Store(low * inverse, high * inverse, place.Result + column);
        }
    }

    /// <summary>Four queries, each with the operations of <see cref="One"/> in their order. The last one looks at most positions.</summary>
    private static void Four(Place a, Place b, Place c, Place d, ushort* keys, ushort* values, int size, float* scores, int stride)
    {
        var queries = stackalloc float[Together * size];
        float* queryB = queries + size, queryC = queryB + size, queryD = queryC + size;
        a.Widen(queries, size);
        b.Widen(queryB, size);
        c.Widen(queryC, size);
        d.Widen(queryD, size);
        float* scoresB = scores + stride, scoresC = scoresB + stride, scoresD = scoresC + stride;
        for (var position = 0; position < d.Length; position++, keys += size)
        {
            Vector512<float> lowA = default, highA = default, lowB = default, highB = default, lowC = default, highC = default, lowD = default, highD = default;
            for (var i = 0; i < size; i += BFloat16Lanes.Count)
            {
                var (first, second) = BFloat16Lanes.Load(keys + i);
                var next = i + Vector512<float>.Count;
                (lowA, highA) = (Vector512.FusedMultiplyAdd(first, Vector512.Load(queries + i), lowA), Vector512.FusedMultiplyAdd(second, Vector512.Load(queries + next), highA));
                (lowB, highB) = (Vector512.FusedMultiplyAdd(first, Vector512.Load(queryB + i), lowB), Vector512.FusedMultiplyAdd(second, Vector512.Load(queryB + next), highB));
                (lowC, highC) = (Vector512.FusedMultiplyAdd(first, Vector512.Load(queryC + i), lowC), Vector512.FusedMultiplyAdd(second, Vector512.Load(queryC + next), highC));
                (lowD, highD) = (Vector512.FusedMultiplyAdd(first, Vector512.Load(queryD + i), lowD), Vector512.FusedMultiplyAdd(second, Vector512.Load(queryD + next), highD));
            }
            scores[position] = Vector512.Sum(lowA + highA);
            scoresB[position] = Vector512.Sum(lowB + highB);
            scoresC[position] = Vector512.Sum(lowC + highC);
            scoresD[position] = Vector512.Sum(lowD + highD);
        }
        var (inverseA, inverseB) = (Vector512.Create(1 / Weigh(a, scores)), Vector512.Create(1 / Weigh(b, scoresB)));
        var (inverseC, inverseD) = (Vector512.Create(1 / Weigh(c, scoresC)), Vector512.Create(1 / Weigh(d, scoresD)));
        for (var column = 0; column < size; column += BFloat16Lanes.Count)
        {
            Vector512<float> lowA = default, highA = default, lowB = default, highB = default, lowC = default, highC = default, lowD = default, highD = default;
            var value = values + column;
            for (var position = 0; position < d.Length; position++, value += size)
            {
                var (first, second) = BFloat16Lanes.Load(value);
                var (weightA, weightB, weightC, weightD) =
                    (Vector512.Create(scores[position]), Vector512.Create(scoresB[position]), Vector512.Create(scoresC[position]), Vector512.Create(scoresD[position]));
                (lowA, highA) = (Vector512.FusedMultiplyAdd(weightA, first, lowA), Vector512.FusedMultiplyAdd(weightA, second, highA));
                (lowB, highB) = (Vector512.FusedMultiplyAdd(weightB, first, lowB), Vector512.FusedMultiplyAdd(weightB, second, highB));
                (lowC, highC) = (Vector512.FusedMultiplyAdd(weightC, first, lowC), Vector512.FusedMultiplyAdd(weightC, second, highC));
                (lowD, highD) = (Vector512.FusedMultiplyAdd(weightD, first, lowD), Vector512.FusedMultiplyAdd(weightD, second, highD));
            }
            BFloat16Lanes.Store(lowA * inverseA, highA * inverseA, a.Result + column);
            BFloat16Lanes.Store(lowB * inverseB, highB * inverseB, b.Result + column);
            BFloat16Lanes.Store(lowC * inverseC, highC * inverseC, c.Result + column);
            BFloat16Lanes.Store(lowD * inverseD, highD * inverseD, d.Result + column);
        }

        // What a query does not look at weighs nothing.
        float Weigh(Place place, float* all)
        {
            new Span<float>(all + place.Length, d.Length - place.Length).Clear();
            return Exponentials(new(all, place.Length));
        }
    }

    /// <summary>Puts e^(score - greatest) in the scores' places.</summary>
    /// <returns>their sum</returns>
    private static float Exponentials(Span<float> scores)
    {
        var vectors = MemoryMarshal.Cast<float, Vector512<float>>(scores);
        var tail = scores[(vectors.Length * Vector512<float>.Count)..];
        var most = Vector512.Create(float.NegativeInfinity);
        foreach (var vector in vectors) most = Vector512.Max(most, vector);
        var greatest = float.NegativeInfinity;
        for (var i = 0; i < Vector512<float>.Count; i++) greatest = Math.Max(greatest, most[i]);     // NaN stays NaN
        foreach (var score in tail) greatest = Math.Max(greatest, score);

        var sum = Vector512<float>.Zero;
        for (var i = 0; i < vectors.Length; i++) sum += vectors[i] = Vector512.Exp(vectors[i] - Vector512.Create(greatest));
        var total = Vector512.Sum(sum);
        foreach (ref var score in tail) total += score = MathF.Exp(score - greatest);
        return total;
    }
}
