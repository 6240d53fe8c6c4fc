using System.Text;

namespace LlamaVid.Model.Text;

/// <summary>SentencePiece's byte-pair merging, exactly: the best-scored pair first, the leftmost of equals. Knows pieces, not words or special tokens.</summary>
/// <remarks>
/// Each symbol starts with one candidate, each merge adds at most two, and a candidate is never longer than the longest piece,
/// so a text of n characters costs O(n log n) whatever it holds.
/// </remarks>
internal sealed class SentencePieceBpe(SentencePieceModel model)
{
    private readonly record struct Candidate(int Left, int Right, int Length, int Id);

    /// <summary>Appends the ids of normalised, well-formed text.</summary>
    /// <returns>How many candidate pairs were queued: the measure of the work done.</returns>
    public int Encode(string text, List<int> ids)
    {
        var symbols = new Symbols(text, model);
        var queue = new PriorityQueue<Candidate, ulong>(symbols.Count);
        var queued = 0;

        for (var i = 1; i < symbols.Count; i++)
            Consider(i - 1, i);

        while (queue.TryDequeue(out var pair, out _))
        {
            // One of the two has been merged into something else since this pair was queued.
            if (symbols.Length[pair.Left] == 0 || symbols.Length[pair.Right] == 0 || symbols.Length[pair.Left] + symbols.Length[pair.Right] != pair.Length)
                continue;
            symbols.Merge(pair.Left, pair.Right, pair.Id);
            Consider(symbols.Previous[pair.Left], pair.Left);
            Consider(pair.Left, symbols.Next[pair.Left]);
        }

        for (var i = symbols.Count > 0 ? 0 : -1; i >= 0; i = symbols.Next[i])
            Emit(text.AsSpan(symbols.Start[i], symbols.Length[i]), symbols.Id[i], ids);
        return queued;

        void Consider(int left, int right)
        {
            if (left < 0 || right < 0)
                return;
            var length = symbols.Length[left] + symbols.Length[right];
            if (length > model.LongestPiece || !model.TryFindMergeable(text.AsSpan(symbols.Start[left], length), out var id))
                return;
            queue.Enqueue(new Candidate(left, right, length, id), Priority(model.Score(id), left));
            queued++;
        }
    }

    private void Emit(ReadOnlySpan<char> text, int id, List<int> ids)
    {
        if (id >= 0)
        {
            ids.Add(id);
            return;
        }
        Span<byte> bytes = stackalloc byte[4];                 // a symbol that is no piece is one character
        foreach (var value in bytes[..Encoding.UTF8.GetBytes(text, bytes)])
            ids.Add(model.ByteId(value));
    }

    /// <summary>Smaller is sooner: the score's order, reversed, in the upper half, the position in the lower.</summary>
    private static ulong Priority(float score, int left)
    {
        var bits = BitConverter.SingleToUInt32Bits(0f - score);
        var ordered = (bits & 0x8000_0000) != 0 ? ~bits : bits | 0x8000_0000;
        return (ulong)ordered << 32 | (uint)left;
    }

    /// <summary>The text as a linked list of symbols, at first one per character (a surrogate pair is one character).</summary>
    private readonly struct Symbols
    {
        public readonly int[] Start, Length, Previous, Next, Id;
        public readonly int Count;

        public Symbols(string text, SentencePieceModel model)
        {
            Start = new int[text.Length];
            Length = new int[text.Length];
            Previous = new int[text.Length];
            Next = new int[text.Length];
            Id = new int[text.Length];
            for (var at = 0; at < text.Length; at += Length[Count++])
            {
                Start[Count] = at;
                Length[Count] = char.IsSurrogatePair(text, at) ? 2 : 1;
                Previous[Count] = Count - 1;
                Next[Count] = Count + 1;
                Id[Count] = model.TryFindMergeable(text.AsSpan(at, Length[Count]), out var id) ? id : -1;
            }
            if (Count > 0)
                Next[Count - 1] = -1;
        }

        public void Merge(int left, int right, int id)
        {
            Length[left] += Length[right];
            Length[right] = 0;
            Id[left] = id;
            Next[left] = Next[right];
            if (Next[right] >= 0)
                Previous[Next[right]] = left;
        }
    }
}
