using LlamaVid.Media;
using LlamaVid.Model;
using LlamaVid.Model.Text;
using Microsoft.Extensions.Logging.Abstractions;
using static TorchSharp.torch;

namespace LlamaVid.Training.Evaluation.Answering;

/// <summary>A checkpoint in this process. Each video is decoded and encoded once, whatever is asked about it; videos are decoded beside the model's work.</summary>
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
                    frames[bound] = await FrameCrops.ReadAsync(opened, bound == 0 ? null : bound, _model.Preprocessor!, cancellationToken).ConfigureAwait(false);
            return frames;
        }
        catch (Exception fault) when (IsOfTheVideo(fault))
        {
            throw new EvaluationFaultException(Path.GetFileName(video), fault.Message, fault);
        }
    }

    private static bool IsOfTheVideo(Exception fault) => fault is UnsupportedMediaException or VideoUnreadableException or VideoTooLongException
        or VideoTooLargeException or PayloadTooLargeException or IOException or UnauthorizedAccessException;

    private List<Reply> Answer(Dictionary<int, FrameCrops> frames, IReadOnlyList<Ask> asks, CancellationToken cancellationToken)
    {
        using var inference = inference_mode();
        using var scope = NewDisposeScope();
        var features = frames.ToDictionary(pair => pair.Key, pair => Encode(pair.Value));
        var replies = new List<Reply>();
        foreach (var ask in asks)
        {
            cancellationToken.ThrowIfCancellationRequested();
            replies.Add(Answer(features[ask.MaxFrames ?? 0], ask));
        }
        return replies;
    }

    private List<Tensor> Encode(FrameCrops frames) => [.. frames.Chunks(FramesPerPass).Select(chunk => _model.EncodeFrames(chunk.Pixels, chunk.Count))];

    private Reply Answer(List<Tensor> features, Ask ask)
    {
        using var scope = NewDisposeScope();
        var tokens = Compress(features, ask);
        var media = new PromptMedia((int)features.Sum(chunk => chunk.shape[0]), (int)tokens.shape[0], IsVideo: true);
        var layout = _model.Prompts.Build([new(ChatRole.User, ask.Question, [0])], [media], new());
        var left = _model.Config.MaxContext - layout.Positions;
        if (left < 1) return Reply.None($"needs {layout.Positions} positions of {_model.Config.MaxContext} before its answer; the video is too long for this model.");

        var parts = layout.Spans.Select(span => span is PromptSpan.Text text ? _model.Embed(text.Ids) : Part(tokens, (PromptSpan.Media)span));
        return new(_decoder.Answer(cat([.. parts], 0), layout.Stop, Math.Min(_maxTokens, left)));
    }

    private static Tensor Part(Tensor tokens, PromptSpan.Media span) => tokens.narrow(0, span.FirstToken, span.Count);

    /// <returns>[tokens, W] of all frames</returns>
    private Tensor Compress(List<Tensor> features, Ask ask)
    {
        using var scope = NewDisposeScope();
        var condition = _model.EncodeQuestion(ask.Condition);
        var tokens = features.Select(chunk => Shown(_model.FrameTokens(chunk, condition, _isMovie, ask.Pooling), ask.Context).flatten(0, 1));
        return cat([.. tokens], 0).MoveToOuterDisposeScope();
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
