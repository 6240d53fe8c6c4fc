using System.Text.RegularExpressions;

namespace LlamaVid.Training.Pretraining.Tokenizers;

/// <summary>A BERT word list for a text: its words whole, everything else letter by letter. [DEC] is no line of it: loaders add it.</summary>
internal static partial class WordPieces
{
    private static readonly string[] Special = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"];

    public static IReadOnlyList<string> Of(IEnumerable<string> text)
    {
        var words = text.SelectMany(line => Word().Matches(line.ToLowerInvariant()).Select(match => match.Value)).Distinct().Order(StringComparer.Ordinal);
        string[] marks = [.. Enumerable.Range(33, 94).Select(code => (char)code).Where(mark => !char.IsAsciiLetterUpper(mark)).Select(mark => $"{mark}")];
        var inner = marks.Where(mark => char.IsAsciiLetterOrDigit(mark[0])).Select(mark => "##" + mark);
        return [.. Special.Concat(marks).Concat(inner).Concat(words).Distinct()];
    }

    [GeneratedRegex("[a-z]+|[0-9]")]
    private static partial Regex Word();
}
