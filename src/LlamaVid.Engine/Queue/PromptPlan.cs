namespace LlamaVid.Engine;

/// <summary>Lays out the prompt of a request and says how many tokens the answer may have.</summary>
internal static class PromptPlan
{
    /// <param name="frames">frames of each media item</param>
    /// <param name="captions">one text per frame of each media item; null for those without subtitles</param>
    /// <exception cref="SubtitlesNotShownException">there are subtitles and no place for them</exception>
    /// <exception cref="ContextLengthExceededException">prompt and answer together are longer than the context</exception>
    /// <exception cref="TooManyChoicesException">all answers together need more positions than a worker holds</exception>
    public static (PromptLayout Layout, int AnswerTokens) Of(
        LlamaVidModel model, GenerationRequest request, Func<int, int> frames, Func<int, IReadOnlyList<string>?> captions, ModelCard card, EngineOptions options)
    {
        var layout = Lay(model, request, frames, captions);
        if (request.Media.Index().Any(media => media.Item.IsSubtitled && layout.Styles[media.Index] != PromptStyle.Movie)) throw new SubtitlesNotShownException();
        var visual = Enumerable.Range(0, request.Media.Count).Sum(frames) * card.TokensPerFrame;
        var left = card.ContextLength - layout.Positions;
        var answer = request.MaxTokens ?? Math.Min(options.DefaultMaxTokens, Math.Max(1, left));
        if (answer > left) throw new ContextLengthExceededException(layout.Positions - visual, visual, answer, card.ContextLength);
        return (long)request.Choices * (layout.Positions + answer) <= card.KvPositions
            ? (layout, answer)
            : throw new TooManyChoicesException(request.Choices, layout.Positions + answer, card.KvPositions);
    }

    public static PromptLayout Lay(LlamaVidModel model, GenerationRequest request, Func<int, int> frames, Func<int, IReadOnlyList<string>?> captions) => model.Prompts.Build(
        request.Turns,
        [.. request.Media.Select((media, i) => new PromptMedia(
            frames(i), frames(i) * model.TokensPerFrame, media.Kind == MediaKind.Video, captions(i)))],
        request.Prompt);
}
