using LlamaVid.Media;
using LlamaVid.Model;
using LlamaVid.Model.Text;
using Microsoft.Extensions.Logging.Abstractions;
using static TorchSharp.torch;

namespace LlamaVid.Training.Evaluation.Answering;

/// <summary>A checkpoint in this process. Each video is decoded and encoded once, whatever is asked about it; others are decoded meanwhile.</summary>
internal sealed class LocalAnswerer : IAnswerer
{
    private const int FramesPerPass = 64;

    private readonly LlamaVidModel _model;
    private readonly GreedyDecoder _decoder;
    private readonly MediaOpener _opener = new(new MediaOptions(), NullLogger.Instance);
    private readonly SemaphoreSlim _turn = new(1);                          // the model uses all cores by itself
    private readonly int _maxTokens;
    private readonly bool _isMovie;

    /// <param name="model">becomes the answerer's own</param>
    /// <exception cref="EvaluationFaultException">the model sees nothing</exception>
    public LocalAnswerer(LlamaVidModel model, int maxTokens)
    {
        if (model.Preprocessor is null) throw new EvaluationFaultException("--model", "the checkpoint reads text only; choose one that sees videos.");
        (_model, _decoder, _maxTokens) = (model, new(model), maxTokens);
        _isMovie = model.Prompts.StyleOf(isVideo: true, PromptStyle.Auto) == PromptStyle.Movie;
    }

    public async Task<IReadOnlyList<Reply>> AnswerAsync(string video, IReadOnlyList<Ask> asks, CancellationToken cancellationToken)
    {
        var frames = await ReadAsync(video, [.. asks.Select(ask => ask.MaxFrames ?? 0).Distinct()], cancellationToken).ConfigureAwait(false);
        await _turn.WaitAsync(cancellationToken).ConfigureAwait(false);
        try
        {
            return Answer(frames, asks, cancellationToken);
        }
        finally
        {
            _turn.Release();
        }
    }

    public void Dispose()
    {
        _turn.Dispose();
        _opener.Dispose();
        _model.Dispose();
    }

    /// <param name="samplings">the bounds on frames that are asked for; 0 is none</param>
    private async Task<Dictionary<int, FrameCrops>> ReadAsync(string video, IReadOnlyList<int> samplings, CancellationToken cancellationToken)
    {
        var frames = new Dictionary<int, FrameCrops>();
        try
        {
            var opened = await _opener.OpenAsync(new MediaSource.LocalFile(video), cancellationToken).ConfigureAwait(false);
            await using (opened.ConfigureAwait(false))
                foreach (var bound in samplings)
                    frames[bound] = await FrameCrops.ReadAsync(opened, bound == 0 ? null : bound, _model.Preprocessor!, cancellationToken)
                        .ConfigureAwait(false);
            return frames;
        }
        catch (Exception fault) when (IsOfTheVideo(fault))
        {
            throw new EvaluationFaultException(Path.GetFileName(video), fault.Message, fault);
        }
    }

    private static bool IsOfTheVideo(Exception fault) => fault is UnsupportedMediaException or VideoUnreadableException or VideoTooLongException
        or VideoTooLargeException or PayloadTooLargeException or IOException or UnauthorizedAccessException;

    private Reply[] Answer(Dictionary<int, FrameCrops> frames, IReadOnlyList<Ask> asks, CancellationToken cancellationToken)
    {
        using var inference = inference_mode();
        using var scope = NewDisposeScope();
        var features = frames.ToDictionary(pair => pair.Key, pair => Encode(pair.Value));
        var replies = new Reply[asks.Count];
        foreach (var batch in Enumerable.Range(0, asks.Count).GroupBy(index => (asks[index].MaxFrames, asks[index].Pooling)))
        {
            var seen = features[batch.Key.MaxFrames ?? 0];
            foreach (var together in batch.Chunk((int)Math.Max(1, FramesPerPass / seen.Sum(chunk => chunk.shape[0]))))
            {
                cancellationToken.ThrowIfCancellationRequested();
                Answer(seen, asks, together, replies);
            }
        }
        return replies;
    }

    private List<Tensor> Encode(FrameCrops frames) => [.. frames.Chunks(FramesPerPass).Select(chunk => _model.EncodeFrames(chunk.Pixels, chunk.Count))];

    /// <summary>Answers some questions in one pass.</summary>
    /// <param name="features">of the video they are about, [T, N, C] in parts</param>
    private void Answer(List<Tensor> features, IReadOnlyList<Ask> asks, int[] together, Reply[] replies)
    {
        using var scope = NewDisposeScope();
        var (prompts, asked) = (new List<GreedyPrompt>(), new List<int>());
        foreach (var (index, tokens) in together.Zip(Compress(features, [.. together.Select(index => asks[index])])))
        {
            var prompt = Prompt(asks[index].Question, (int)features.Sum(chunk => chunk.shape[0]), tokens);
            if (prompt.MaxTokens < 1)
            {
                replies[index] = Reply.None(
                    $"needs {prompt.Length} positions of {_model.Config.MaxContext} before its answer; the video is too long for this model.");
                continue;
            }
            prompts.Add(prompt);
            asked.Add(index);
        }
        if (prompts.Count == 0) return;
        foreach (var (index, text) in asked.Zip(_decoder.Answer(prompts))) replies[index] = new(text);
    }

    /// <param name="tokens">[tokens, W] of all frames</param>
    private GreedyPrompt Prompt(string question, int frames, Tensor tokens)
    {
        using var scope = NewDisposeScope();
        var layout = _model.Prompts.Build([new(ChatRole.User, question, [0])], [new(frames, (int)tokens.shape[0], IsVideo: true)], new());
        var parts = layout.Spans.Select(span => span is PromptSpan.Text text ? _model.Embed(text.Ids) : Part(tokens, (PromptSpan.Media)span));
        return new(cat([.. parts], 0).MoveToOuterDisposeScope(), layout.Stop, Math.Min(_maxTokens, _model.Config.MaxContext - layout.Positions));
    }

    private static Tensor Part(Tensor tokens, PromptSpan.Media span) => tokens.narrow(0, span.FirstToken, span.Count);

    /// <returns>[tokens, W] of all frames, for each question</returns>
    private List<Tensor> Compress(List<Tensor> features, Ask[] asks)
    {
        using var scope = NewDisposeScope();
        var questions = asks.Select(ask => _model.EncodeQuestion(ask.Condition)).ToArray();
        var tokens = features.Count == 1 && !_isMovie
            ? Together(features[0], questions, asks[0].Pooling)
            : questions.Zip(asks).Select(each => cat([.. features.Select(chunk => _model.FrameTokens(chunk, each.First, _isMovie, each.Second.Pooling))], 0));
        return [.. tokens.Zip(asks).Select(each => Shown(each.First, each.Second.Context).flatten(0, 1).MoveToOuterDisposeScope())];
    }

    /// <summary>The same frames under several questions, in one pass.</summary>
    private Tensor[] Together(Tensor features, Tensor[] questions, FramePooling? pooling)
    {
        var (frames, longest) = (features.shape[0], questions.Max(question => question.shape[0]));
        var ids = stack([.. questions.Select(question => Padded(question))]).repeat_interleave(frames, 0);
        var isText = stack([.. questions.Select(question => Padded(ones_like(question, ScalarType.Bool)))]).repeat_interleave(frames, 0);
        return _model.FrameTokens(features.repeat(questions.Length, 1, 1), ids, isText, pooling).split(frames);

        Tensor Padded(Tensor row) => cat([row, zeros(longest - row.shape[0], row.dtype, row.device)]);
    }

    /// <param name="tokens">[T, 1 + n, W], the context token first</param>
    /// <returns>[T, n or 1 + n, W]</returns>
    internal static Tensor Shown(Tensor tokens, ContextToken context)
    {
        if (context == ContextToken.Kept) return tokens;
        var content = tokens.narrow(1, 1, tokens.shape[1] - 1);
        return context == ContextToken.Dropped ? content : cat([content.mean([1L], keepdim: true), content], 1);
    }
}
