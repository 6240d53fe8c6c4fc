namespace LlamaVid.Engine;

/// <summary>Refuses texts that are too long beyond doubt, before anybody tokenises them.</summary>
internal static class TextLength
{
    /// <param name="subtitles">of each media item, as far as they are known</param>
    /// <exception cref="ContextLengthExceededException">the texts of the request alone are longer than the context</exception>
    public static void Require(GenerationRequest request, IReadOnlyList<IReadOnlyList<SubtitleLine>?> subtitles, ModelCard card)
    {
        var characters = request.Turns.Sum(turn => (long)turn.Text.Length) + (request.Prompt.System?.Length ?? 0)
            + (request.Prompt.Condition is VideoCondition.Text condition ? condition.Value.Length : 0)
            + subtitles.Zip(request.Media, (lines, media) => (lines ?? []).Where(line => IsShown(line, media.Sampling)).Sum(line => (long)line.Text.Length)).Sum();
        card.RequireRoomFor(characters, request.MaxTokens ?? 1);
    }

    private static bool IsShown(SubtitleLine line, FrameSampling range) => !(line.End <= range.Start || line.Start >= range.End);
}
