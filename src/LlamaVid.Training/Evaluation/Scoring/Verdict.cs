using System.Text.RegularExpressions;

namespace LlamaVid.Training.Evaluation.Scoring;

/// <summary>What a judge said of one answer.</summary>
/// <param name="IsMatch">yes or no; null where the judge is asked for a score only</param>
/// <param name="Score">0 to 5; broken numbers are cut, as in the published evaluation</param>
internal sealed partial record Verdict(bool? IsMatch, int Score)
{
    public const int Best = 5;

    /// <summary>Reads a dictionary as the judge is asked to write it, in Python's or in JSON's quotes, with or without text around it.</summary>
    /// <returns>null for anything else: a verdict is never guessed</returns>
    public static Verdict? Parse(string text, bool needsMatch)
    {
        if (Dictionary().Matches(text) is not [var only]) return null;
        if (ScoreField().Matches(only.Value) is not [var score] || !double.TryParse(score.Groups[1].ValueSpan, out var value)
            || value is not (>= 0 and <= Best))
            return null;
        if (!needsMatch) return new(null, (int)value);
        return MatchField().Matches(only.Value) is [var match]
            ? new(match.Groups[1].Value.Equals("yes", StringComparison.OrdinalIgnoreCase), (int)value)
            : null;
    }

    [GeneratedRegex(@"\{[^{}]*\}")]
    private static partial Regex Dictionary();

    [GeneratedRegex("""['"]score['"]\s*:\s*['"]?([0-9]+(?:\.[0-9]+)?)['"]?\s*[,}]""", RegexOptions.IgnoreCase)]
    private static partial Regex ScoreField();

    [GeneratedRegex("""['"]pred(?:icted)?['"]\s*:\s*['"](yes|no)['"]\s*[,}]""", RegexOptions.IgnoreCase)]
    private static partial Regex MatchField();
}
