namespace LlamaVid.Engine;

/// <summary>Refuses a text that is too long beyond doubt before anybody tokenises it: no token stands for more characters than the longest one.</summary>
internal static class TextLength
{
    /// <param name="subtitles">of each media item, as far as they are known</param>
    /// <exception cref="ContextLengthExceededException">the texts of the request alone are longer than the context</exception>
    public static void Require(GenerationRequest request, IReadOnlyList<IReadOnlyList<SubtitleLine>?> subtitles, ModelCard card)
    {
        var characters = request.Turns.Sum(turn => (long)turn.Text.Length) + (request.Prompt.System?.Length ?? 0)
            + (request.Prompt.Condition is VideoCondition.Text condition ? condition.Value.Length : 0)
            + subtitles.Zip(request.Media, (lines, media) => (lines ?? []).Where(line => IsShown(line, media.Sampling)).Sum(line => (long)line.Text.Length)).Sum();
        var leastTokens = characters / card.LongestToken;
        if (leastTokens >= card.ContextLength)
            throw new ContextLengthExceededException((int)Math.Min(leastTokens, int.MaxValue / 2), null, request.MaxTokens ?? 1, card.ContextLength);
    }

    private static bool IsShown(SubtitleLine line, FrameSampling range) => !(line.End <= range.Start || line.Start >= range.End);
}
