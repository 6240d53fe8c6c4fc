namespace LlamaVid.Engine;

/// <summary>Sets of characters as rules over their UTF-8 bytes.</summary>
internal static class Utf8Rules
{
    private const int FirstSurrogate = 0xD800, LastSurrogate = 0xDFFF, LastCharacter = 0x10FFFF;

    /// <summary>One character within the ranges, as it stands.</summary>
    public static Rule Of(IEnumerable<(int From, int To)> ranges) => Rule.Or([.. ranges.SelectMany(range => Split(range.From, Math.Min(range.To, LastCharacter)))]);

    private static IEnumerable<Rule> Split(int from, int to)
    {
        if (from > to) yield break;
        if (from <= LastSurrogate && to >= FirstSurrogate)
        {
            foreach (var rule in Split(from, FirstSurrogate - 1).Concat(Split(LastSurrogate + 1, to))) yield return rule;
            yield break;
        }
        foreach (var last in (int[])[0x7F, 0x7FF, 0xFFFF])
            if (from <= last && to > last)
            {
                foreach (var rule in Split(from, last).Concat(Split(last + 1, to))) yield return rule;
                yield break;
            }
        for (var low = 6; low <= 18 && to > 0x7F; low += 6)                 // make all but the first byte run over all of their values
        {
            var mask = (1 << low) - 1;
            if ((from & ~mask) == (to & ~mask)) continue;
            if ((from & mask) != 0)
            {
                foreach (var rule in Split(from, from | mask).Concat(Split((from | mask) + 1, to))) yield return rule;
                yield break;
            }
            if ((to & mask) != mask)
            {
                foreach (var rule in Split(from, (to & ~mask) - 1).Concat(Split(to & ~mask, to))) yield return rule;
                yield break;
            }
        }
        var (lowest, highest) = (Encoded(from), Encoded(to));
        yield return Rule.Then([.. lowest.Zip(highest).Select(pair => new Rule.Bytes(pair.First, pair.Second))]);
    }

    private static byte[] Encoded(int character)
    {
        Span<byte> bytes = stackalloc byte[4];
        return bytes[..new System.Text.Rune(character).EncodeToUtf8(bytes)].ToArray();
    }
}
