using LlamaVid.Training.Evaluation.Answering;
using LlamaVid.Training.Evaluation.Samples;
using LlamaVid.Training.Evaluation.Scoring;

namespace LlamaVid.Training.Evaluation;

/// <summary>Asks every question in every variant, video by video, and says how far it is. Knows no scores beyond whether there is an answer.</summary>
internal sealed class Asking(IAnswerer answerer, IReadOnlyList<Sample> samples, IReadOnlyList<Variant> variants, long seed, Faults faults, TextWriter notes)
{
    private const int VideosAtOnce = 3, ProgressSteps = 20;

    private readonly string[] _others = Ablation.Others([.. samples.Select(sample => sample.Question)], seed);
    private readonly ScoredAnswer[,] _answers = new ScoredAnswer[variants.Count, samples.Count];
    private int _done;

    /// <returns>answers by variant and sample, in the order of both</returns>
    /// <exception cref="EvaluationFaultException">a fault, where the run is to stop at one</exception>
    public async Task<ScoredAnswer[,]> RunAsync(CancellationToken cancellationToken)
    {
        var videos = Enumerable.Range(0, samples.Count).GroupBy(index => samples[index].Video).Select(group => (Video: group.Key, Indices: group.ToArray()))
            .ToArray();
        var options = new ParallelOptions { MaxDegreeOfParallelism = VideosAtOnce, CancellationToken = cancellationToken };
        await Parallel.ForEachAsync(videos, options, async (each, token) =>
        {
            await AskAsync(each.Video, each.Indices, token).ConfigureAwait(false);
            var done = Interlocked.Increment(ref _done);
            if (done * ProgressSteps / videos.Length > (done - 1) * ProgressSteps / videos.Length)
                await TextWriter.Synchronized(notes).WriteLineAsync($"{done} of {videos.Length} videos").ConfigureAwait(false);
        }).ConfigureAwait(false);
        return _answers;
    }

    private async Task AskAsync(string video, int[] indices, CancellationToken cancellationToken)
    {
        var asks = indices.SelectMany(index => variants.SelectMany(variant =>
            samples[index].Questions.Select(question => variant.Ask(question, _others[index])))).ToArray();
        IReadOnlyList<Reply> replies;
        try
        {
            replies = await answerer.AnswerAsync(video, asks, cancellationToken).ConfigureAwait(false);
        }
        catch (EvaluationFaultException fault)
        {
            faults.Report(fault, indices.Length);
            replies = [.. asks.Select(_ => Reply.None(fault.Problem))];
            Keep(indices, replies);
            return;
        }
        Keep(indices, replies);
        foreach (var index in indices)
            if (_answers[0, index].Fault is { } problem)
                faults.Report(new(samples[index].Place, problem));
    }

    private void Keep(int[] indices, IReadOnlyList<Reply> replies)
    {
        var next = 0;
        foreach (var index in indices)
            for (var variant = 0; variant < variants.Count; variant++)
            {
                var count = samples[index].Questions.Count();
                _answers[variant, index] = ScoredAnswer.Of(samples[index], replies.Skip(next).Take(count));
                next += count;
            }
    }
}
