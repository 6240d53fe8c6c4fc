using LlamaVid.Model.Decoder;
using static TorchSharp.torch;

namespace LlamaVid.Engine;

/// <summary>A sequence that a worker has taken: its visual tokens, its prompt, its keys and values, and its answer so far. Engine thread only.</summary>
internal sealed class RunningSequence : Workload, IDisposable
{
    private readonly LlamaVidModel _model;
    private readonly CancellationTokenRegistration _cancellation;
    private readonly List<Sight> _sights = [];
    private readonly List<int> _inCache = [];                               // generated tokens whose keys and values are in the cache

    private Tensor? _question;                                              // [L] word pieces
    private Tensor? _prompt;                                                // [S, W]
    private Answer? _answer;
    private Sampler? _sampler;

    /// <param name="cancelled">called when the client goes away</param>
    public RunningSequence(Sequence sequence, LlamaVidModel model, Action cancelled)
    {
        _cancellation = sequence.Cancelled.Register(cancelled);
        (Sequence, _model, Layout, AnswerTokens) = (sequence, model, sequence.Planned!, sequence.AnswerTokens);
        sequence.Clock.Start();
    }

    public Sequence Sequence { get; }

    /// <summary>The prompt as planned, and as it is once all frames are seen.</summary>
    public PromptLayout Layout { get; private set; }

    public int AnswerTokens { get; private set; }

    public PositionKeys? Keys { get; private set; }

    public KvCache? Cache { get; private set; }

    /// <summary>Set when the answer is complete.</summary>
    public GenerationEvent.Finished? Finished { get; private set; }

    /// <summary>The media item that is being seen now; null before the first and after the last.</summary>
    public VideoFeatures? Video { get; private set; }

    /// <summary>The media item to be begun next; null when none is left or one is being seen.</summary>
    public SequenceMedia? Next => Video is null && _sights.Count < Sequence.Media.Count ? Sequence.Media[_sights.Count] : null;

    public void Begin(VideoFeatures video, bool wasKnown)
    {
        Video = video;
        _sights.Add(new(Sequence.Media[_sights.Count], video.Key) { WasKnown = wasKnown });
    }

    /// <summary>Looks how far the video has come.</summary>
    /// <param name="drives">it is this sequence that takes frames through the tower</param>
    /// <returns>true when this sequence has read all of it, and <see cref="EndVideo"/> is due</returns>
    public bool Look(bool drives)
    {
        Video!.Settle();
        (FramesToEncode, FramesToCompress) = (drives ? Video.Ready : 0, Video.Encoded - _sights[^1].Compressed);
        return Video.IsComplete && FramesToCompress == 0;
    }

    public VideoFeatures EndVideo()
    {
        var (sight, video) = (_sights[^1], Video!);
        (sight.Timestamps, sight.FrameSize, sight.WasKnown) = ([.. video.Timestamps], video.FrameSize, sight.WasKnown || video.IsStored);
        Video = null;
        return video;
    }

    public void Encode(int count)
    {
        var begin = Sequence.Clock.Now;
        Video!.Encode(count);
        Sequence.Clock.Encoded(begin);
        if (!Video.IsStored) Sequence.Publish(new GenerationEvent.Progress(WorkStage.Decode, Video.Encoded, _sights[^1].Media.Plan.ExpectedFrames));
    }

    /// <summary>Frames to tokens, with the question as condition.</summary>
    public void Compress(int count)
    {
        using var scope = NewDisposeScope();
        var (begin, sight) = (Sequence.Clock.Now, _sights[^1]);
        var isMovie = Layout.Styles[_sights.Count - 1] == PromptStyle.Movie;
        _question ??= _model.EncodeQuestion(Layout.Condition!).DetachFromDisposeScope();
        var rows = Video!.Read(sight.Compressed, count);
        sight.Tokens.Add(_model.FrameTokens(rows, _question, isMovie).flatten(0, 1).DetachFromDisposeScope());
        sight.Compressed += (int)rows.shape[0];
        Video.HasRead(sight.Compressed);
        Sequence.Clock.Encoded(begin);
        Sequence.Publish(new GenerationEvent.Progress(WorkStage.Vision, sight.Compressed, sight.Media.Plan.ExpectedFrames));
    }

    /// <summary>All frames are seen: lays the prompt out anew if fewer or more came than were planned.</summary>
    /// <returns>positions that the sequence needs</returns>
    /// <exception cref="ContextLengthExceededException">more frames came than fit</exception>
    public int LayOut(ModelCard card, EngineOptions options)
    {
        if (Phase == WorkPhase.See)
        {
            Phase = WorkPhase.Wait;
            Sequence.Clock.Seen();
            if (_sights.Any(sight => sight.Compressed != sight.Media.Plan.ExpectedFrames))
                (Layout, AnswerTokens) = PromptPlan.Of(_model, Sequence.Request, i => _sights[i].Compressed, card, options);
            Keys = PositionKeys.Of(Layout, [.. _sights.Select(sight => sight.Key)], _model.Config.Decoder.MaxPositions);
        }
        return Layout.Positions + AnswerTokens;
    }

    /// <summary>Takes memory for exactly the positions it needs, and what another sequence has computed of them already.</summary>
    public void StartPrefill(KvCache? source, int known)
    {
        Cache = _model.NewCache(Layout.Positions + AnswerTokens);
        known = Math.Min(known, Layout.Positions - 1);                       // the last position's logits are needed
        if (source is not null && known > 0) Cache.CopyFrom(source, known);
        _prompt = Embed();
        _answer = new(_model.Tokenizer, [.. Sequence.Request.Stop, Layout.Stop], AnswerTokens, Sequence.Request.IgnoreEos);
        _sampler = new(Sequence.Request.Sampling);
        (Phase, PromptOwed) = (WorkPhase.Prefill, Layout.Positions - Cache.Length);
        Sequence.Publish(new GenerationEvent.Prepared(Report(Cache.Length)));
    }

    /// <returns>[count, W] the next positions of the prompt</returns>
    public Tensor PromptRows(int count) => _prompt!.narrow(0, Cache!.Length, count);

    /// <summary>The token whose embedding is the next position.</summary>
    public int LastToken { get; private set; }

    /// <summary>A chunk of the prompt has been computed.</summary>
    /// <returns>true when it was the last</returns>
    public bool Prefilled(int count)
    {
        PromptOwed -= count;
        Sequence.Publish(new GenerationEvent.Progress(WorkStage.Prefill, Cache!.Length, Layout.Positions));
        if (PromptOwed > 0) return false;
        _prompt!.Dispose();
        _prompt = null;
        Phase = WorkPhase.Decode;
        return true;
    }

    /// <summary>The last token's keys and values are in the cache.</summary>
    public void Decoded() => _inCache.Add(LastToken);

    /// <param name="logits">[V] of the next token</param>
    public void Draw(ReadOnlySpan<float> logits)
    {
        var vocabulary = Math.Min(logits.Length, _model.Tokenizer.VocabularySize);       // rows beyond the tokenizer's own are padding of the matrix
        LastToken = _sampler!.Next(logits[..vocabulary]);
        Sequence.Clock.Token();
        Sequence.Publish(new GenerationEvent.Token(LastToken, _answer!.Add(LastToken)));
        if (_answer.Finish is { } reason) Finished = new(reason, _answer.End(), Sequence.Clock.Timings());
    }

    /// <summary>Gives its cache away, with the names of what is in it; null when it has none or it holds half a prompt.</summary>
    public (PositionKeys Keys, KvCache Cache)? HandOverCache()
    {
        if (Cache is null || Phase != WorkPhase.Decode) return null;
        var cache = Cache;
        Cache = null;
        return (Keys!.With(_inCache, _model.Config.Decoder.MaxPositions), cache);
    }

    public void Dispose()
    {
        _cancellation.Dispose();
        _question?.Dispose();
        _prompt?.Dispose();
        Cache?.Dispose();
        foreach (var sight in _sights) sight.Dispose();
    }

    /// <returns>[S, W] the whole prompt: text embeddings and visual tokens in their places</returns>
    private Tensor Embed()
    {
        using var scope = NewDisposeScope();
        var visual = _sights.Select(sight => sight.Join()).ToArray();
        var parts = Layout.Spans.Select(span => span switch
        {
            PromptSpan.Text text => _model.Embed(text.Ids),
            PromptSpan.Media media => visual[media.Index].narrow(0, media.FirstToken, media.Count),
            _ => throw new InvalidOperationException($"A prompt has no {span.GetType().Name} spans."),
        });
        return cat([.. parts], 0).DetachFromDisposeScope();
    }

    private PromptReport Report(int cached)
    {
        var media = _sights.Select(sight => sight.Report(_model.TokensPerFrame)).ToArray();
        return new(
            Layout.Text, Layout.FoldedIds, Layout.Positions, cached,
            media.Where(each => each.Kind == MediaKind.Video).Sum(each => each.Frames * each.TokensPerFrame),
            media.Where(each => each.Kind == MediaKind.Image).Sum(each => each.Frames * each.TokensPerFrame),
            media);
    }
}
