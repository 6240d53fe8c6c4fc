namespace LlamaVid.Benchmarks.Throughput;

/// <summary>The vocabulary of generated models: words of up to four letters, each of which is one token. Draws texts of them.</summary>
internal static class BenchWords
{
    public const int SpecialPieces = 3 + 256;                               // <unk>, <s>, </s> and the bytes

    private const int Letters = 26, LongestOfTexts = 2;

    /// <summary>Pieces of a SentencePiece model, those that merge first in front: a word merges from its beginning, letter by letter.</summary>
    public static IReadOnlyList<string> Pieces(int count)
    {
        var singles = Enumerable.Range(33, 94).Select(code => ((char)code).ToString()).Append("▁").ToArray();
        return [.. Words().Take(count - singles.Length).Select(word => "▁" + word), .. singles];
    }

    /// <summary>Words that every such vocabulary has, one token each.</summary>
    public static string Text(Random random, int words) => string.Join(' ', Enumerable.Range(0, words).Select(_ => Draw(random)));

    private static string Draw(Random random) => string.Create(LongestOfTexts, random, (letters, source) =>
    {
        for (var i = 0; i < letters.Length; i++) letters[i] = (char)('a' + source.Next(Letters));
    });

    /// <summary>a to z, then aa to zz, and so on.</summary>
    private static IEnumerable<string> Words()
    {
        IReadOnlyList<string> shorter = [""];
        while (true)
        {
            List<string> longer = [.. shorter.SelectMany(word => Enumerable.Range(0, Letters).Select(letter => word + (char)('a' + letter)))];
            foreach (var word in longer) yield return word;
            shorter = longer;
        }
    }
}
