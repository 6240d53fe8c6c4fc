namespace LlamaVid.Engine;

/// <summary>The tokens of a model by their bytes, so that all of those that may come are found in one walk. Tokens that answers never show are not in it.</summary>
internal sealed class TokenTree
{
    private readonly Node _root;

    public TokenTree(LlamaTokenizer tokenizer)
    {
        Size = tokenizer.VocabularySize;
        var tokens = Enumerable.Range(0, Size).Select(id => (Id: id, Bytes: tokenizer.AnswerBytes(id))).Where(token => token.Bytes.Length > 0)
            .OrderBy(token => token.Bytes, Comparer<byte[]>.Create(static (a, b) => a.AsSpan().SequenceCompareTo(b))).ToArray();
        _root = Build(0, tokens, 0);
    }

    public int Size { get; }

    public TokenSet Allowed(Acceptor acceptor, AcceptorState state)
    {
        var set = new TokenSet(Size);
        Walk(_root, acceptor, state, set);
        return set;
    }

    private static void Walk(Node node, Acceptor acceptor, AcceptorState state, TokenSet set)
    {
        foreach (var child in node.Children)
        {
            if (acceptor.Next(state, child.Byte) is not { } next) continue;
            foreach (var id in child.Ids) set.Add(id);
            if (child.Children.Length > 0) Walk(child, acceptor, next, set);
        }
    }

    /// <param name="tokens">sorted; they have the same first <paramref name="depth"/> bytes</param>
    private static Node Build(byte value, ReadOnlySpan<(int Id, byte[] Bytes)> tokens, int depth)
    {
        var ids = new List<int>();
        var children = new List<Node>();
        for (var i = 0; i < tokens.Length;)
        {
            if (tokens[i].Bytes.Length == depth)
            {
                ids.Add(tokens[i++].Id);
                continue;
            }
            var (first, end) = (tokens[i].Bytes[depth], i + 1);
            while (end < tokens.Length && tokens[end].Bytes[depth] == first) end++;
            children.Add(Build(first, tokens[i..end], depth + 1));
            i = end;
        }
        return new(value, [.. ids], [.. children]);
    }

    private sealed record Node(byte Byte, int[] Ids, Node[] Children);
}

/// <summary>Some of the tokens of a model.</summary>
internal sealed class TokenSet(int size)
{
    private readonly ulong[] _bits = new ulong[(size + 63) / 64];

    public void Add(int id) => _bits[id >> 6] |= 1UL << (id & 63);

    public bool Has(int id) => (_bits[id >> 6] >> (id & 63) & 1) != 0;

    /// <summary>Makes all others impossible.</summary>
    public void Keep(Span<float> logits)
    {
        for (var i = 0; i < logits.Length; i++)
            if (!Has(i)) logits[i] = float.NegativeInfinity;
    }
}
