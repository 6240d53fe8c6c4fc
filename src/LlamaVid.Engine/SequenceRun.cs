using LlamaVid.Model.Decoder;
using TorchSharp;
using static TorchSharp.torch;

namespace LlamaVid.Engine;

/// <summary>One sequence from its first frame to its last token: see, lay out, prefill, decode. Engine thread only.</summary>
internal sealed class SequenceRun(LlamaVidModel model, ModelRunner runner, EngineOptions options, Sequence sequence)
{
    public GenerationEvent.Finished Run()
    {
        using var scope = NewDisposeScope();
        var request = sequence.Request;
        var seen = runner.See(sequence);

        var layout = model.Prompts.Build(
            request.Turns, [.. seen.Select(each => new PromptMedia(each.Report.Frames, (int)each.Tokens.shape[0], each.Report.Kind == MediaKind.Video))], request.Prompt);
        var visual = seen.Sum(each => (int)each.Tokens.shape[0]);
        var maxTokens = AnswerBudget(layout.Positions - visual, visual);
        sequence.Publish(new GenerationEvent.Prepared(Report(layout, [.. seen.Select(each => each.Report)])));

        using var cache = model.NewCache(layout.Positions + maxTokens);
        var logits = Prefill(runner.Embed(layout, [.. seen.Select(each => each.Tokens)]), cache);
        return Decode(logits, cache, new Answer(model.Tokenizer, [.. request.Stop, layout.Stop], maxTokens, request.IgnoreEos));
    }

    /// <summary>Logits of the token after the whole prompt, which is computed in chunks.</summary>
    private float[] Prefill(Tensor prompt, KvCache cache)
    {
        var begin = sequence.Clock.Now;
        var length = (int)prompt.shape[0];
        float[] logits = [];
        while (cache.Length < length)
        {
            sequence.Cancelled.ThrowIfCancellationRequested();
            logits = runner.Prefill(prompt, cache, options.MaxPrefillTokensPerStep);
            sequence.Publish(new GenerationEvent.Progress(WorkStage.Prefill, cache.Length, length));
        }
        sequence.Clock.Prefilled(begin);
        return logits;
    }

    private GenerationEvent.Finished Decode(float[] logits, KvCache cache, Answer answer)
    {
        var begin = sequence.Clock.Now;
        var sampler = new Sampler(sequence.Request.Sampling);
        var vocabulary = Math.Min(logits.Length, model.Tokenizer.VocabularySize);       // rows beyond the tokenizer's own are padding of the matrix
        while (true)
        {
            sequence.Cancelled.ThrowIfCancellationRequested();
            var token = sampler.Next(logits.AsSpan(0, vocabulary));
            sequence.Clock.Token();
            sequence.Publish(new GenerationEvent.Token(token, answer.Add(token)));
            if (answer.Finish is { } reason)
            {
                sequence.Clock.Decoded(begin);
                return new(reason, answer.End(), sequence.Clock.Timings);
            }
            logits = runner.Decode(token, cache);
        }
    }

    /// <exception cref="ContextLengthExceededException">prompt and answer together are longer than the context</exception>
    private int AnswerBudget(int text, int visual)
    {
        var left = model.Config.MaxContext - text - visual;
        var wanted = sequence.Request.MaxTokens ?? Math.Min(options.DefaultMaxTokens, Math.Max(1, left));
        return wanted <= left ? wanted : throw new ContextLengthExceededException(text, visual, wanted, model.Config.MaxContext);
    }

    private static PromptReport Report(PromptLayout layout, IReadOnlyList<MediaReport> media) => new(
        layout.Text, layout.FoldedIds, layout.Positions,
        media.Where(each => each.Kind == MediaKind.Video).Sum(each => each.Frames * each.TokensPerFrame),
        media.Where(each => each.Kind == MediaKind.Image).Sum(each => each.Frames * each.TokensPerFrame),
        media);
}
