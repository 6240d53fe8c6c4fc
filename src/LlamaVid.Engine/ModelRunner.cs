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
        var isVideo = media.Input.Kind == MediaKind.Video;
        var isMovie = model.Prompts.StyleOf(isVideo, sequence.Request.Prompt.Style) == PromptStyle.Movie;
        var fit = media.Input.Fit ?? (isVideo ? ImageFit.Crop : model.Config.Vision!.ImageFit);
        var tokens = new List<Tensor>();
        var seen = new SeenFrames();

        using var feed = new FrameFeed(media, model.Preprocessor!, fit, 2 * options.MaxFramesPerStep, sequence.Cancelled);
        var batch = new byte[options.MaxFramesPerStep * 3 * model.Preprocessor!.ImageSize * model.Preprocessor.ImageSize];
        while (TakeBatch(sequence, feed, batch, seen) is > 0 and var count)
        {
            sequence.Publish(new GenerationEvent.Progress(WorkStage.Decode, seen.Timestamps.Count, media.Plan.ExpectedFrames));
            var begin = sequence.Clock.Now;
            tokens.Add(Compress(batch.AsSpan(0, batch.Length / options.MaxFramesPerStep * count), count, question, isMovie));
            sequence.Clock.Encoded(begin);
            sequence.Publish(new GenerationEvent.Progress(WorkStage.Vision, seen.Timestamps.Count, media.Plan.ExpectedFrames));
        }
        return (cat([.. tokens], 0).MoveToOuterDisposeScope(), Report(media, seen));
    }

    /// <summary>Waits for up to a batch of frames.</summary>
    /// <returns>how many there are; 0 after the last</returns>
    private int TakeBatch(Sequence sequence, FrameFeed feed, byte[] batch, SeenFrames seen)
    {
        var begin = sequence.Clock.Now;
        var (count, size) = (0, batch.Length / options.MaxFramesPerStep);
        for (; count < options.MaxFramesPerStep && feed.Take() is { } frame; count++)
        {
            frame.Pixels.CopyTo(batch.AsSpan(count * size));
            seen.Add(frame);
            frame.Return();
        }
        sequence.Clock.WaitedForFrames(begin);
        sequence.Cancelled.ThrowIfCancellationRequested();
        return count;
    }

    /// <summary>Frames to tokens; the features, which are hundreds of times larger, are gone when it returns.</summary>
    /// <returns>[T · n, W]</returns>
    private Tensor Compress(ReadOnlySpan<byte> crops, int count, Tensor question, bool isMovie)
    {
        using var scope = NewDisposeScope();
        return model.FrameTokens(model.EncodeFrames(crops, count), question, isMovie).flatten(0, 1).MoveToOuterDisposeScope();
    }

    private MediaReport Report(SequenceMedia media, SeenFrames seen)
    {
        var info = media.Opened.Info;
        return new(
            media.Input.Kind, seen.Timestamps.Count, seen.Timestamps, info.Duration, info.AverageRate?.Value, seen.Width, seen.Height, model.TokensPerFrame);
    }

    /// <summary>What is told of the frames of one media item: their times, and the size of the first.</summary>
    private sealed class SeenFrames
    {
        public List<double> Timestamps { get; } = [];
        public int Width { get; private set; }
        public int Height { get; private set; }

        public void Add(PreparedFrame frame)
        {
            if (Timestamps.Count == 0) (Width, Height) = (frame.Width, frame.Height);
            Timestamps.Add(frame.Seconds);
        }
    }
}
