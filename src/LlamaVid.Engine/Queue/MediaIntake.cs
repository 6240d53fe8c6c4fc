namespace LlamaVid.Engine;

/// <summary>Prepares waiting requests outside the engine threads: counts what they need, fetches and probes their media, plans frames, and refuses what can never fit.</summary>
internal sealed class MediaIntake(MediaOpener opener, LlamaVidModel model, ModelCard card, EngineOptions options)
{
    private readonly string _tower = $"{model.Placement.Dtype}|{model.TowerIdentity}";

    /// <exception cref="Exception">any fault of the media, in the client's terms</exception>
    public async Task PrepareAsync(Sequence sequence)
    {
        var inputs = sequence.Request.Media;
        if (inputs.Count > 0 && !card.SeesVideo) throw new ModelReadsTextOnlyException(card.Name);

        Lay(sequence, _ => 1, i => inputs[i] is { Subtitles: { } lines, Sampling: var range } ? Captions.Of(lines, [range.Start ?? 0], range.End) : null);     // the least it can need, before anything is fetched
        if (inputs.Count == 0) return;
        var begin = sequence.Clock.Now;
        for (var i = 0; i < inputs.Count; i++)
        {
            sequence.Publish(new GenerationEvent.Progress(WorkStage.Fetch, i, inputs.Count));
            sequence.Media.Add(await OpenAsync(inputs[i], sequence));
        }
        sequence.Publish(new GenerationEvent.Progress(WorkStage.Fetch, inputs.Count, inputs.Count));
        sequence.Clock.Fetched(begin);
        Lay(sequence, i => sequence.Media[i].Plan.ExpectedFrames, i => Captions.Expected(sequence.Media[i]));      // and before anything is decoded
    }

    private async Task<SequenceMedia> OpenAsync(MediaInput input, Sequence sequence)
    {
        var opened = await opener.OpenAsync(input.Source, input.UsesTrack, sequence.Cancelled);
        try
        {
            TextLength.Require(sequence.Request, [.. sequence.Media.Select(media => media.Subtitles), input.Subtitles ?? opened.Subtitles], card);
            var isVideo = input.Kind == MediaKind.Video;
            if (!isVideo && !opened.Info.IsPicture && opened.Info.Container is not ("gif" or "apng"))
                throw new VideoAsPictureException(opened.Info.Container);
            var plan = opened.Plan(isVideo ? input.Sampling : new() { MaxFrames = 1 });
            var fit = input.Fit ?? (isVideo ? ImageFit.Crop : model.Config.Vision!.ImageFit);
            return new(input, opened, plan, fit, FeatureKey.Of(opened.ContentHash, plan, fit, _tower));
        }
        catch
        {
            await opened.DisposeAsync();
            throw;
        }
    }

    private void Lay(Sequence sequence, Func<int, long> frames, Func<int, IReadOnlyList<string>?> captions)
    {
        var visual = sequence.Request.Media.Select((_, i) => frames(i)).Sum() * card.TokensPerFrame;
        if (visual >= card.ContextLength)
            throw new ContextLengthExceededException(null, (int)Math.Min(visual, int.MaxValue / 2), sequence.Request.MaxTokens ?? 1, card.ContextLength);
        (sequence.Planned, sequence.AnswerTokens) = PromptPlan.Of(model, sequence.Request, i => (int)frames(i), captions, card, options);
    }
}
