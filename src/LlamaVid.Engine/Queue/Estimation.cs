namespace LlamaVid.Engine;

/// <summary>Takes a request as far as the line, and says what it would need from there on.</summary>
internal static class Estimation
{
    private const long MostTokensLaidOut = 10_000_000;

    /// <param name="isKnown">whether features of a video are in memory</param>
    public static async Task<RequestEstimate> OfAsync(Sequence sequence, MediaIntake intake, LlamaVidModel model, Func<FeatureKey, bool> isKnown, int waiting)
    {
        Exception? refusal = null;
        try
        {
            await intake.PrepareAsync(sequence);
        }
        catch (Exception fault) when (!sequence.Cancelled.IsCancellationRequested)
        {
            refusal = fault;
        }
        var media = sequence.Media.Select(item => Of(item, model, isKnown(item.Key))).ToArray();
        var positions = media.Length == sequence.Request.Media.Count && media.Sum(item => item.Tokens) is <= MostTokensLaidOut
            ? PromptPlan.Lay(model, sequence.Request, i => (int)media[i].Frames, i => Captions.Expected(sequence.Media[i])).Positions
            : (int?)null;
        return refusal is null
            ? new(media, positions, sequence.AnswerTokens, sequence.PlannedPositions * model.KvBytesPerPosition, waiting, null)
            : new(media, positions, null, null, waiting, refusal);
    }

    private static MediaEstimate Of(SequenceMedia item, LlamaVidModel model, bool isKnown) => new(
        item.Input.Kind, item.Plan.ExpectedFrames, item.Plan.ExpectedFrames * model.TokensPerFrame, item.Info.Duration, item.Info.AverageRate?.Value,
        item.Info.Width, item.Info.Height, isKnown, item.SubtitleOrigin);
}
