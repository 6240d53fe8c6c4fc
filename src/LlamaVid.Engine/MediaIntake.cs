namespace LlamaVid.Engine;

/// <summary>Opens the media of waiting requests outside the engine thread: fetches, probes, plans frames, and refuses what can never fit.</summary>
internal sealed class MediaIntake(MediaOpener opener, ModelCard card) : IDisposable
{
    private const int ConcurrentOpens = 4;

    private readonly SemaphoreSlim _places = new(ConcurrentOpens);

    /// <exception cref="Exception">any fault of the media, in the client's terms</exception>
    public async Task OpenAsync(Sequence sequence)
    {
        var inputs = sequence.Request.Media;
        if (inputs.Count == 0) return;
        if (!card.SeesVideo) throw new ModelReadsTextOnlyException(card.Name);

        await _places.WaitAsync(sequence.Cancelled);
        try
        {
            var begin = sequence.Clock.Now;
            for (var i = 0; i < inputs.Count; i++)
            {
                sequence.Publish(new GenerationEvent.Progress(WorkStage.Fetch, i, inputs.Count));
                sequence.Media.Add(await OpenAsync(inputs[i], sequence.Cancelled));
            }
            sequence.Clock.Fetched(begin);
            RefuseWhatNeverFits(sequence);
        }
        finally
        {
            _places.Release();
        }
    }

    private async Task<SequenceMedia> OpenAsync(MediaInput input, CancellationToken cancelled)
    {
        var opened = await opener.OpenAsync(input.Source, cancelled);
        try
        {
            return new(input, opened, opened.Plan(input.Kind == MediaKind.Image ? input.Sampling with { MaxFrames = 1 } : input.Sampling));
        }
        catch
        {
            await opened.DisposeAsync();
            throw;
        }
    }

    /// <summary>Before anything is decoded: the planned frames alone are more than the context holds.</summary>
    private void RefuseWhatNeverFits(Sequence sequence)
    {
        var visual = sequence.Media.Sum(media => media.Plan.ExpectedFrames * card.TokensPerFrame);
        if (visual >= card.ContextLength)
            throw new ContextLengthExceededException(null, (int)Math.Min(visual, int.MaxValue / 2), sequence.Request.MaxTokens ?? 1, card.ContextLength);
    }

    public void Dispose() => _places.Dispose();
}
