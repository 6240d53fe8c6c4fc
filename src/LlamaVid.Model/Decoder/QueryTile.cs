using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;
using System.Runtime.Intrinsics.X86;

namespace LlamaVid.Model.Decoder;

/// <summary>Four queries of one head, what they have summed so far, and the loops that take them over a block of keys and values. Knows no positions and no sequence.</summary>
/// <remarks>
/// Four, since then each load of keys or values is used four times and all sums stay in registers. Thirty-two values of 16 bits are loaded as sixteen pairs: shifted they are the floats of even places, masked those of odd ones,
/// and queries and sums are kept in that order. Scores and weights lie position by position, four in a row; a register holds four positions of them.
/// <code>
/// memory: queries [4, padded]    sums [4, padded]    greatest [16]    totals [16]         padded: D up to the next multiple of 64
/// </code></remarks>
internal readonly unsafe struct QueryTile(float* memory, int size)
{
    public const int Rows = 4;

    private const int Lanes = 16, Pairs = BFloat16Lanes.Count;

    private readonly int _padded = Padded(size);

    private float* Sums => memory + Rows * _padded;
    private float* Greatest => memory + 2 * Rows * _padded;
    private float* Totals => Greatest + Lanes;

    /// <summary>Of a tile's memory, which is aligned to a register and zero to begin with.</summary>
    public static int Floats(int size) => 2 * Rows * Padded(size) + 2 * Lanes;

    /// <summary>Positions whose weights fill whole registers.</summary>
    public static int Filled(int positions) => (positions + Rows - 1) / Rows * Rows;

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]              // the first prompts of a process are as fast as the later ones
    public void Load(int row, ushort* query)
    {
        var scale = Vector512.Create(1 / MathF.Sqrt(size));
        for (var at = 0; at < size; at += Pairs)
        {
            var (even, odd) = BFloat16Lanes.LoadPairs(query + Start(at));
            (even * scale).Store(memory + row * _padded + at);
            (odd * scale).Store(memory + row * _padded + at + Lanes);
        }
        var twice = (Pairs - size % Pairs) % Pairs / 2;                     // pairs that the last load has in common with the one before
        var last = memory + row * _padded + (size - 1) / Pairs * Pairs;
        new Span<float>(last, twice).Clear();
        new Span<float>(last + Lanes, twice).Clear();
        Vector512.Create(float.NegativeInfinity).Store(Greatest);
    }

    /// <summary>Scores of so many positions.</summary>
    /// <param name="ahead">what is looked at next and comes into the cache meanwhile</param>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public void Score(ushort* keys, int count, float* scores, ushort* ahead)
    {
        for (var position = 0; position < count; position += 2)
        {
            var first = keys + (long)position * size;
            var second = position + 1 < count ? first + size : first;
            var (a0, a1, a2, a3) = (Vector512<float>.Zero, Vector512<float>.Zero, Vector512<float>.Zero, Vector512<float>.Zero);
            var (b0, b1, b2, b3) = (a0, a1, a2, a3);
            for (var at = 0; at < size; at += Pairs)
            {
                Sse.Prefetch1(ahead + (first - keys) + Start(at));
                Sse.Prefetch1(ahead + (second - keys) + Start(at));
                var (firstEven, firstOdd) = BFloat16Lanes.LoadPairs(first + Start(at));
                var (secondEven, secondOdd) = BFloat16Lanes.LoadPairs(second + Start(at));
                var query = memory + at;
                Dot(query, firstEven, secondEven, ref a0, ref b0);
                Dot(query + Lanes, firstOdd, secondOdd, ref a0, ref b0);
                Dot(query += _padded, firstEven, secondEven, ref a1, ref b1);
                Dot(query + Lanes, firstOdd, secondOdd, ref a1, ref b1);
                Dot(query += _padded, firstEven, secondEven, ref a2, ref b2);
                Dot(query + Lanes, firstOdd, secondOdd, ref a2, ref b2);
                Dot(query += _padded, firstEven, secondEven, ref a3, ref b3);
                Dot(query + Lanes, firstOdd, secondOdd, ref a3, ref b3);
            }
            var halves = Halve(Halve(Halve(a0, a1), Halve(a2, a3)), Halve(Halve(b0, b1), Halve(b2, b3)));
            Halve(halves, halves).GetLower().Store(scores + position * Rows);
        }
    }

    /// <summary>Puts e^(score - greatest so far) in the scores' places, and brings what was summed before to the same measure.</summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public void Weigh(float* scores, int count)
    {
        var known = Vector512.Load(Greatest);
        var greatest = known;
        for (var at = 0; at < Filled(count) * Rows; at += Lanes) greatest = Vector512.Max(greatest, Vector512.Load(scores + at));
        greatest = Vector512.Max(greatest, Vector512.Shuffle(greatest, Vector512.Create(8, 9, 10, 11, 12, 13, 14, 15, 0, 1, 2, 3, 4, 5, 6, 7)));
        greatest = Vector512.Max(greatest, Vector512.Shuffle(greatest, Vector512.Create(4, 5, 6, 7, 0, 1, 2, 3, 12, 13, 14, 15, 8, 9, 10, 11)));
        var shrink = Vector512.Exp(known - greatest);
        var total = Vector512.Load(Totals) * shrink;
        for (var at = 0; at < Filled(count) * Rows; at += Lanes)
        {
            var weight = Vector512.Exp(Vector512.Load(scores + at) - greatest);
            weight.Store(scores + at);
            total += weight;
        }
        greatest.Store(Greatest);
        total.Store(Totals);
        if (shrink == Vector512<float>.One) return;
        for (var row = 0; row < Rows; row++)
            for (var sum = Sums + row * _padded; sum < Sums + (row + 1) * _padded; sum += Lanes) (Vector512.Load(sum) * shrink[row]).Store(sum);
    }

    /// <summary>Adds so many positions' values.</summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public void Add(ushort* values, int count, float* weights)
    {
        for (var at = 0; at < size; at += 2 * Pairs)
        {
            ushort* near = values + Start(at), far = values + Start(at + Pairs);
            var sums = Sums + at;
            var (a0, a1, a2, a3) = LoadSums(sums);
            var (b0, b1, b2, b3) = LoadSums(sums += _padded);
            var (c0, c1, c2, c3) = LoadSums(sums += _padded);
            var (d0, d1, d2, d3) = LoadSums(sums += _padded);
            var weight = weights;
            for (var position = 0; position < count; position++, near += size, far += size, weight += Rows)
            {
                var (v0, v1) = BFloat16Lanes.LoadPairs(near);
                var (v2, v3) = BFloat16Lanes.LoadPairs(far);
                AddTo(ref a0, ref a1, ref a2, ref a3, weight[0], v0, v1, v2, v3);
                AddTo(ref b0, ref b1, ref b2, ref b3, weight[1], v0, v1, v2, v3);
                AddTo(ref c0, ref c1, ref c2, ref c3, weight[2], v0, v1, v2, v3);
                AddTo(ref d0, ref d1, ref d2, ref d3, weight[3], v0, v1, v2, v3);
            }
            sums = Sums + at;
            StoreSums(sums, a0, a1, a2, a3);
            StoreSums(sums += _padded, b0, b1, b2, b3);
            StoreSums(sums += _padded, c0, c1, c2, c3);
            StoreSums(sums += _padded, d0, d1, d2, d3);
        }
    }

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public void Store(int row, ushort* result)
    {
        var total = Totals + row;
        var inverse = 1 / (total[0] + total[Rows] + total[2 * Rows] + total[3 * Rows]);
        for (var at = 0; at < size; at += Pairs)
        {
            var sums = Sums + row * _padded + at;
            BFloat16Lanes.StorePairs(Vector512.Load(sums) * inverse, Vector512.Load(sums + Lanes) * inverse, result + Start(at));
        }
    }

    private static int Padded(int size) => (size + 2 * Pairs - 1) / (2 * Pairs) * (2 * Pairs);

    /// <summary>The last load ends with the head.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private int Start(int at) => Math.Min(at, size - Pairs);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static void Dot(float* query, Vector512<float> first, Vector512<float> second, ref Vector512<float> a, ref Vector512<float> b)
    {
        var values = Vector512.Load(query);
        a = Vector512.FusedMultiplyAdd(values, first, a);
        b = Vector512.FusedMultiplyAdd(values, second, b);
    }

    /// <summary>Sums of neighbouring lanes, those of <paramref name="a"/> first. Four times, and sixteen registers have become one of their sums.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static Vector512<float> Halve(Vector512<float> a, Vector512<float> b) =>
        Avx512F.PermuteVar16x32x2(a, Vector512.Create(0, 2, 4, 6, 8, 10, 12, 14, 16, 18, 20, 22, 24, 26, 28, 30), b)
        + Avx512F.PermuteVar16x32x2(a, Vector512.Create(1, 3, 5, 7, 9, 11, 13, 15, 17, 19, 21, 23, 25, 27, 29, 31), b);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static void AddTo(
        ref Vector512<float> s0, ref Vector512<float> s1, ref Vector512<float> s2, ref Vector512<float> s3, float weight,
        Vector512<float> v0, Vector512<float> v1, Vector512<float> v2, Vector512<float> v3)
    {
        var factor = Vector512.Create(weight);
        s0 = Vector512.FusedMultiplyAdd(factor, v0, s0);
        s1 = Vector512.FusedMultiplyAdd(factor, v1, s1);
        s2 = Vector512.FusedMultiplyAdd(factor, v2, s2);
        s3 = Vector512.FusedMultiplyAdd(factor, v3, s3);
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static (Vector512<float>, Vector512<float>, Vector512<float>, Vector512<float>) LoadSums(float* sums) =>
        (Vector512.Load(sums), Vector512.Load(sums + Lanes), Vector512.Load(sums + 2 * Lanes), Vector512.Load(sums + 3 * Lanes));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static void StoreSums(float* sums, Vector512<float> s0, Vector512<float> s1, Vector512<float> s2, Vector512<float> s3)
    {
        s0.Store(sums);
        s1.Store(sums + Lanes);
        s2.Store(sums + 2 * Lanes);
        s3.Store(sums + 3 * Lanes);
    }
}
