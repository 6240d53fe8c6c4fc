namespace LlamaVid.Training.Evaluation.Scoring;

/// <summary>When an answer counts as right (docs/evaluation.md). Knows texts only.</summary>
internal static class AnswerMatch
{
    private const string Description = "description";

    /// <summary>Descriptions: the same sentences, in any order. Everything else: the same text but for case, surrounding space and a final full stop.</summary>
    public static bool IsRight(string type, string expected, string given) =>
        HasSentences(type) ? Sentences(expected).SetEquals(Sentences(given)) : Plain(expected) == Plain(given);

    /// <summary>The expected words stand in the answer, whole and in a row.</summary>
    public static bool IsContained(string expected, string given) => $" {Words(given)} ".Contains($" {Words(expected)} ", StringComparison.Ordinal);

    public static bool HasSentences(string type) => type == Description || type.EndsWith('_' + Description, StringComparison.Ordinal);

    /// <summary>Right sentences as a share of those expected or given, whichever are more: a missing sentence costs as much as a wrong one.</summary>
    public static double RightSentences(string expected, string given)
    {
        var (wanted, said) = (Sentences(expected), Sentences(given));
        return (double)wanted.Intersect(said).Count() / Math.Max(wanted.Count, said.Count);
    }

    public static string Plain(string text)
    {
        text = text.Trim();
        return (text.EndsWith('.') ? text[..^1].TrimEnd() : text).ToLowerInvariant();
    }

    private static HashSet<string> Sentences(string text) =>
        [.. text.Split('.', StringSplitOptions.TrimEntries | StringSplitOptions.RemoveEmptyEntries).Select(Plain)];

    private static string Words(string text) =>
        string.Join(' ', string.Concat(text.ToLowerInvariant().Select(letter => char.IsLetterOrDigit(letter) ? letter : ' '))
            .Split(' ', StringSplitOptions.RemoveEmptyEntries));
}
