using System.Text.RegularExpressions;

namespace LlamaVid.Training.Pretraining.Tokenizers;

/// <summary>Byte-pair merges from a text: every word of it becomes one piece, and so does every phrase that is named. Knows no file format.</summary>
/// <remarks>
/// Words carry their leading "▁" and hold letters only; digits and marks stay single. A phrase is what every prompt repeats word for word; as one piece it
/// costs one position instead of thirty. SentencePiece trains such pieces with <c>--split_by_whitespace=false</c>.
/// </remarks>
internal static partial class PieceTrainer
{
    /// <param name="text">sentences with spaces</param>
    /// <param name="phrases">each begins with a word</param>
    /// <returns>merged pieces, the earlier the sooner they merge; then the single characters</returns>
    public static IReadOnlyList<string> Train(IEnumerable<string> text, IReadOnlyList<string> phrases)
    {
        var words = new Dictionary<string, int>(StringComparer.Ordinal);
        foreach (var word in text.Concat(phrases).SelectMany(Words)) words[word] = words.GetValueOrDefault(word) + 1;

        var merges = new List<string>();
        var known = new HashSet<string>(StringComparer.Ordinal);
        MergeAll([.. words.OrderByDescending(word => word.Value).ThenBy(word => word.Key, StringComparer.Ordinal).Select(word => (Characters(word.Key), word.Value))]);
        MergeAll([.. phrases.Select(phrase => (Words(phrase).ToList(), 1))]);

        var letters = words.Keys.SelectMany(Characters).Concat(Enumerable.Range(33, 94).Select(code => ((char)code).ToString())).Append("▁").Distinct();
        return [.. merges, .. letters.Order(StringComparer.Ordinal)];

        void MergeAll(List<(List<string> Symbols, int Count)> sequences)
        {
            while (MostFrequent(sequences) is var (left, right))
            {
                if (known.Add(left + right)) merges.Add(left + right);
                foreach (var (symbols, _) in sequences) Merge(symbols, left, right);
            }
        }
    }

    /// <summary>What merging never crosses: a word with the space before it, one digit, one mark.</summary>
    private static IEnumerable<string> Words(string text) => WordPattern().Matches(("▁" + text).Replace(' ', '▁')).Select(match => match.Value);

    private static List<string> Characters(string word) => [.. word.Select(letter => letter.ToString())];

    private static (string Left, string Right)? MostFrequent(List<(List<string> Symbols, int Count)> sequences)
    {
        var counts = new Dictionary<(string, string), int>();
        foreach (var (symbols, count) in sequences)
            for (var i = 1; i < symbols.Count; i++)
                counts[(symbols[i - 1], symbols[i])] = counts.GetValueOrDefault((symbols[i - 1], symbols[i])) + count;
        return counts.Count == 0 ? null
            : counts.OrderByDescending(pair => pair.Value).ThenBy(pair => pair.Key.Item1, StringComparer.Ordinal).ThenBy(pair => pair.Key.Item2, StringComparer.Ordinal).First().Key;
    }

    private static void Merge(List<string> symbols, string left, string right)
    {
        for (var i = 1; i < symbols.Count; i++)
            if (symbols[i - 1] == left && symbols[i] == right)
            {
                symbols[i - 1] = left + right;
                symbols.RemoveAt(i);
            }
    }

    [GeneratedRegex("▁?[A-Za-z]+|▁?[0-9]|▁?[^▁A-Za-z0-9]|▁")]
    private static partial Regex WordPattern();
}
