using System.Buffers;
using System.Numerics;
using System.Runtime.InteropServices;
using System.Runtime.Intrinsics;

namespace LlamaVid.Model.Decoder;

/// <summary>Attention of the rows of a prompt in bfloat16 on the CPU: two batched matrix products and a softmax over what lies between them.</summary>
/// <remarks>
/// libtorch's fused attention takes two to three times as long here, and does not get cheaper below some thirty rows. Keys times queries, not queries times keys: then the great matrix is read as it lies in the cache.
/// Sizes come in few steps: oneDNN compiles code for every new size and keeps it, which would take longer than the products and gigabytes in the course of a long prompt.
/// Scores and weights are rounded to bfloat16, as where official checkpoints are computed without a fused kernel; maxima, exponentials and sums are float32. Rows go block by block, so that no temporary is large.
/// </remarks>
internal static unsafe class MatrixAttention
{
    private const long ScoresTogether = 1 << 23;
    private const int LeastRows = 16;

    /// <summary>Positions are multiplied in multiples of so many.</summary>
    public const int Step = 128;

    /// <param name="q">[S, H, D] the rows of the positions past .. past + S - 1, contiguous</param>
    /// <param name="keys">[K, P, D], of P &gt;= past + S positions; the last ones may be zeros that nobody looks at</param>
    /// <param name="values">[K, P, D]</param>
    /// <returns>[S, H·D]; row i has seen the positions 0 .. past + i</returns>
    public static Tensor Attend(Tensor q, Tensor keys, Tensor values, int past)
    {
        using var scope = NewDisposeScope();
        var (rows, heads, size, kvHeads, length) = ((int)q.shape[0], (int)q.shape[1], (int)q.shape[2], (int)keys.shape[0], (int)keys.shape[1]);
        var group = heads / kvHeads;
        var block = (int)BitOperations.RoundUpToPowerOf2((uint)Math.Max(LeastRows, ScoresTogether / ((long)heads * length)));
        var result = torch.empty([rows, heads * size], q.dtype);
        for (var start = 0; start < rows; start += block)
        {
            using var each = NewDisposeScope();
            var count = Math.Min(block, rows - start);
            var seen = Math.Min(length, (past + start + count + Step - 1) / Step * Step);
            var queries = q.narrow(0, start, count).view(count, kvHeads, group, size).permute(1, 3, 2, 0).reshape(kvHeads, size, group * count);
            var scores = keys.narrow(1, 0, seen).bmm(queries).transpose(1, 2).contiguous();          // [K, G·R, P]
            Softmax(scores, count, past + start + 1, 1 / MathF.Sqrt(size));
            var sums = scores.bmm(values.narrow(1, 0, seen)).view(kvHeads, group, count, size).permute(2, 0, 1, 3);
            result.narrow(0, start, count).view(count, kvHeads, group, size).copy_(sums);
        }
        return result.MoveToOuterDisposeScope();
    }

    /// <summary>In place, over the positions that a row looks at; the others weigh nothing.</summary>
    /// <param name="scores">[K, G·R, P], contiguous</param>
    /// <param name="rows">R</param>
    /// <param name="first">positions that the first of R rows looks at; each later one looks at one more</param>
    private static void Softmax(Tensor scores, int rows, int first, float scale)
    {
        var (address, length) = (BFloat16Lanes.Address(scores), (int)scores.shape[2]);
        BFloat16Lanes.ForRows((int)(scores.numel() / length), length, row =>
        {
            var all = new Span<ushort>((ushort*)address + (long)row * length, length);
            var looked = first + row % rows;
            var buffer = ArrayPool<float>.Shared.Rent(looked);
            Softmax(all[..looked], buffer.AsSpan(0, looked), scale);
            all[looked..].Clear();
            ArrayPool<float>.Shared.Return(buffer);
        });
    }

    private static void Softmax(Span<ushort> scores, Span<float> wide, float scale)
    {
        BFloat16Lanes.Widen(scores, wide);
        var vectors = MemoryMarshal.Cast<float, Vector512<float>>(wide);
        var tail = wide[(vectors.Length * Vector512<float>.Count)..];
        var most = Vector512.Create(float.NegativeInfinity);
        foreach (var vector in vectors) most = Vector512.Max(most, vector);
        var greatest = float.NegativeInfinity;
        for (var i = 0; i < Vector512<float>.Count; i++) greatest = Math.Max(greatest, most[i]);     // NaN stays NaN
        foreach (var score in tail) greatest = Math.Max(greatest, score);

        var (sum, factor, offset) = (Vector512<float>.Zero, Vector512.Create(scale), Vector512.Create(greatest));
        foreach (ref var vector in vectors) sum += vector = Exponential.Of((vector - offset) * factor);
        var total = Vector512.Sum(sum);
        foreach (ref var score in tail) total += score = MathF.Exp((score - greatest) * scale);

        var inverse = Vector512.Create(1 / total);
        var at = 0;
        fixed (ushort* weights = scores)
        {
            for (; at + BFloat16Lanes.Count <= wide.Length; at += BFloat16Lanes.Count)
                BFloat16Lanes.Store(Vector512.Create(wide[at..]) * inverse, Vector512.Create(wide[(at + Vector512<float>.Count)..]) * inverse, weights + at);
        }
        for (; at < wide.Length; at++) scores[at] = BFloat16Lanes.Bits(wide[at] / total);
    }
}
