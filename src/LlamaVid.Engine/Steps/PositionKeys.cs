using System.IO.Hashing;
using System.Runtime.InteropServices;
using System.Text;

namespace LlamaVid.Engine;

/// <summary>What stands at each position of a sequence, as numbers: positions with equal numbers from the first on have equal keys and values.</summary>
/// <param name="IsLong">The sequence is longer than the model was made for, which may change the rotation of all its positions.</param>
internal sealed record PositionKeys(IReadOnlyList<UInt128> Values, bool IsLong)
{
    public int Count => Values.Count;

    /// <param name="videos">the features behind each media item</param>
    public static PositionKeys Of(PromptLayout layout, IReadOnlyList<FeatureKey> videos, int maxPositions)
    {
        var values = new List<UInt128>(layout.Positions);
        foreach (var span in layout.Spans)
        {
            if (span is PromptSpan.Text text) values.AddRange(text.Ids.Select(id => (UInt128)(uint)id));
            if (span is not PromptSpan.Media media) continue;
            var seed = XxHash128.Hash(Encoding.UTF8.GetBytes($"{videos[media.Index].Hash}|{layout.Styles[media.Index]}|{layout.Condition}"));
            for (var i = 0; i < media.Count; i++) values.Add(Visual(seed, media.FirstToken + i));
        }
        return new(values, layout.Positions > maxPositions);
    }

    /// <summary>These and the tokens that were generated and stand in the cache; those beyond the limit, where the rotation changes, are left out.</summary>
    public PositionKeys With(IEnumerable<int> generated, int maxPositions)
    {
        var values = Values.Concat(generated.Select(id => (UInt128)(uint)id));
        return this with { Values = [.. IsLong ? values : values.Take(maxPositions)] };
    }

    public int CommonPrefix(PositionKeys other)
    {
        if (IsLong != other.IsLong) return 0;
        var most = Math.Min(Count, other.Count);
        for (var i = 0; i < most; i++)
            if (Values[i] != other.Values[i])
                return i;
        return most;
    }

    private static UInt128 Visual(ReadOnlySpan<byte> seed, int token)
    {
        Span<byte> bytes = stackalloc byte[20];
        seed.CopyTo(bytes);
        MemoryMarshal.Write(bytes[16..], token);
        return XxHash128.HashToUInt128(bytes) | (UInt128)1 << 127;          // never a token id
    }
}
