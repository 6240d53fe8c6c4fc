using LlamaVid.Model.Decoder;
using TorchSharp;
using static TorchSharp.torch;

namespace LlamaVid.Engine;

/// <summary>Runs one sequence through the model, stage by stage. The only type of the engine that touches tensors; engine thread only.</summary>
internal sealed class ModelRunner(LlamaVidModel model, EngineOptions options)
{
    /// <summary>Decodes, encodes and compresses every media item of a sequence.</summary>
    /// <returns>per item its visual tokens [T · n, W] and what was seen</returns>
    public List<(Tensor Tokens, MediaReport Report)> See(Sequence sequence)
    {
        var seen = new List<(Tensor, MediaReport)>(sequence.Media.Count);
        if (sequence.Media.Count == 0) return seen;

        var question = model.EncodeQuestion(PromptBuilder.Condition(sequence.Request.Turns, sequence.Request.Prompt.Condition));
        foreach (var media in sequence.Media) seen.Add(See(sequence, media, question));
        return seen;
    }

    /// <returns>[S, W] the whole prompt: text embeddings and visual tokens in their places</returns>
    public Tensor Embed(PromptLayout layout, IReadOnlyList<Tensor> visual)
    {
        using var scope = NewDisposeScope();
        var parts = layout.Spans.Select(span => span switch
        {
            PromptSpan.Text text => model.Embed(text.Ids),
            PromptSpan.Media media => visual[media.Index].narrow(0, media.FirstToken, media.Count),
            _ => throw new InvalidOperationException($"A prompt has no {span.GetType().Name} spans."),
        });
        return cat([.. parts], 0).MoveToOuterDisposeScope();
    }

    /// <summary>Computes the next chunk of a prompt.</summary>
    /// <param name="prompt">[S, W] the whole prompt, of which the cache holds the beginning</param>
    /// <returns>[V] logits after the chunk; only those of the last chunk mean anything to the caller, the others are empty</returns>
    public float[] Prefill(Tensor prompt, KvCache cache, int atMost)
    {
        using var scope = NewDisposeScope();
        var length = (int)prompt.shape[0];
        var count = Math.Min(atMost, length - cache.Length);
        var hidden = model.Forward(prompt.narrow(0, cache.Length, count), cache, length);
        return cache.Length < length ? [] : model.Logits(hidden.narrow(0, count - 1, 1)).data<float>().ToArray();
    }

    /// <returns>[V] logits after <paramref name="token"/></returns>
    public float[] Decode(int token, KvCache cache)
    {
        using var scope = NewDisposeScope();
        return model.Logits(model.Forward(model.Embed([token]), cache, cache.Length + 1)).data<float>().ToArray();
    }

    private (Tensor, MediaReport) See(Sequence sequence, SequenceMedia media, Tensor question)
    {
        using var scope = NewDisposeScope();
        var isMovie = model.Prompts.StyleOf(media.Input.Kind == MediaKind.Video, sequence.Request.Prompt.Style) == PromptStyle.Movie;
        var preprocessor = model.Preprocessor!;
        var fit = media.Input.Fit ?? (media.Input.Kind == MediaKind.Image ? model.Config.Vision!.ImageFit : ImageFit.Crop);
        var (tokens, timestamps) = (new List<Tensor>(), new List<double>());

        using var feed = new FrameFeed(media, preprocessor, fit, 2 * options.MaxFramesPerStep, sequence.Cancelled);
        var size = 3 * preprocessor.ImageSize * preprocessor.ImageSize;
        var batch = new byte[options.MaxFramesPerStep * size];
        for (var isMore = true; isMore;)
        {
            var waiting = sequence.Clock.Now;
            var count = 0;
            for (; isMore && count < options.MaxFramesPerStep; count++)
            {
                if (feed.Take() is not { } frame) { isMore = false; break; }
                frame.Pixels.CopyTo(batch.AsSpan(count * size));
                timestamps.Add(frame.Seconds);
                frame.Return();
            }
            sequence.Clock.WaitedForFrames(waiting);
            sequence.Cancelled.ThrowIfCancellationRequested();
            if (count == 0) break;

            sequence.Publish(new GenerationEvent.Progress(WorkStage.Decode, timestamps.Count, media.Plan.ExpectedFrames));
            var encoding = sequence.Clock.Now;
            tokens.Add(model.FrameTokens(model.EncodeFrames(batch.AsSpan(0, count * size), count), question, isMovie));
            sequence.Clock.Encoded(encoding);
            sequence.Publish(new GenerationEvent.Progress(WorkStage.Vision, timestamps.Count, media.Plan.ExpectedFrames));
        }

        var info = media.Opened.Info;
        var report = new MediaReport(
            media.Input.Kind, timestamps.Count, timestamps, info.Duration, info.AverageRate?.Value, info.Width, info.Height,
            model.TokensPerFrame);
        return (cat([.. tokens.Select(each => each.flatten(0, 1))], 0).MoveToOuterDisposeScope(), report);
    }
}
