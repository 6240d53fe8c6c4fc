using LlamaVid.Model.Decoder;
using static TorchSharp.torch;

namespace LlamaVid.Engine;

/// <summary>A sequence that a worker has taken: its visual tokens, its prompt, its keys and values, and its answer so far. Engine thread only.</summary>
internal sealed class RunningSequence : Workload, IDisposable
{
    private readonly LlamaVidModel _model;
    private readonly Lazy<TokenTree> _tokens;
    private readonly CancellationTokenRegistration _cancellation;
    private readonly List<Sight> _sights = [];
    private readonly List<RunningAnswer> _answering = [];                   // never empty once the prompt is being computed

    private int _complete;
    private Tensor? _question;                                              // [L] word pieces
    private Tensor? _prompt;                                                // [S, W]

    /// <param name="cancelled">called when the client goes away</param>
    /// <param name="tokens">made when an answer has a format</param>
    public RunningSequence(Sequence sequence, LlamaVidModel model, Lazy<TokenTree> tokens, Action cancelled)
    {
        _cancellation = sequence.Cancelled.Register(cancelled);
        (Sequence, _model, _tokens, Layout, AnswerTokens) = (sequence, model, tokens, sequence.Planned!, sequence.AnswerTokens);
        sequence.Clock.Start();
    }

    public Sequence Sequence { get; }

    /// <summary>The prompt as planned, and as it is once all frames are seen.</summary>
    public PromptLayout Layout { get; private set; }

    public int AnswerTokens { get; private set; }

    public PositionKeys? Keys { get; private set; }

    /// <summary>The answers that are not complete, and the last one that is.</summary>
    public IReadOnlyList<RunningAnswer> Answering => _answering;

    public override int Answers => Math.Max(Sequence.Request.Choices - _complete, 1);

    /// <summary>Set when all answers are complete.</summary>
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
        sight.Compressed += count;
        Video.HasRead(sight.Compressed);
        Sequence.Clock.Encoded(begin);
        Sequence.Publish(new GenerationEvent.Progress(WorkStage.Vision, sight.Compressed, sight.Media.Plan.ExpectedFrames));
    }

    /// <summary>All frames are seen: lays the prompt out anew if fewer or more came than were planned, or words stand between them.</summary>
    /// <returns>positions that the sequence needs, for all its answers</returns>
    /// <exception cref="ContextLengthExceededException">more frames came than fit</exception>
    public int LayOut(ModelCard card, EngineOptions options)
    {
        if (Phase == WorkPhase.See)
        {
            Phase = WorkPhase.Wait;
            Sequence.Clock.Seen();
            if (_sights.Any(sight => sight.Compressed != sight.Media.Plan.ExpectedFrames || sight.Media.Input.IsSubtitled))
                (Layout, AnswerTokens) = PromptPlan.Of(_model, Sequence.Request, i => _sights[i].Compressed, i => _sights[i].Captions, card, options);
            Keys = PositionKeys.Of(Layout, [.. _sights.Select(sight => sight.Key)], _model.Config.Decoder.MaxPositions);
        }
        return Sequence.Request.Choices * AnswerPositions;
    }

    /// <summary>Takes memory for exactly the positions it needs, and what another sequence has computed of them already.</summary>
    public void StartPrefill(KvCache? source, int known)
    {
        var cache = _model.NewCache(AnswerPositions);
        known = Math.Min(known, Layout.Positions - 1);                       // the last position's logits are needed
        if (source is not null && known > 0) cache.CopyFrom(source, known);
        _prompt = Embed();
        int[] text = [.. Layout.Spans.OfType<PromptSpan.Text>().SelectMany(span => span.Ids)];
        var acceptor = Sequence.Request.Format is { } format ? new Acceptor(format.Rule) : null;
        for (var choice = 0; choice < Sequence.Request.Choices; choice++)
            _answering.Add(new(choice, Sequence.Request, _model.Tokenizer, text, Layout.Stop, AnswerTokens, acceptor is null ? null : new(acceptor, _tokens.Value, _model.Tokenizer)));
        _answering[0].Cache = cache;
        (Phase, PromptOwed) = (WorkPhase.Prefill, Layout.Positions - cache.Length);
        Sequence.Publish(new GenerationEvent.Prepared(Report(cache.Length)));
    }

    /// <returns>[count, W] the next positions of the prompt</returns>
    public Tensor PromptRows(int count) => _prompt!.narrow(0, _answering[0].Cache!.Length, count);

    /// <summary>A chunk of the prompt has been computed. After the last one every answer has keys and values of its own.</summary>
    /// <returns>true when it was the last</returns>
    public bool Prefilled(int count)
    {
        PromptOwed -= count;
        Sequence.Publish(new GenerationEvent.Progress(WorkStage.Prefill, _answering[0].Cache!.Length, Layout.Positions));
        if (PromptOwed > 0) return false;
        _prompt!.Dispose();
        _prompt = null;
        foreach (var answer in _answering.Skip(1))
        {
            answer.Cache = _model.NewCache(AnswerPositions);
            answer.Cache.CopyFrom(_answering[0].Cache!, Layout.Positions);
        }
        Phase = WorkPhase.Decode;
        return true;
    }

    /// <summary>What kept an answer from being written.</summary>
    public Exception? Fault { get; private set; }

    /// <param name="logits">[V] of the answer's next token</param>
    public void Draw(RunningAnswer answer, ReadOnlySpan<float> logits)
    {
        try
        {
            var vocabulary = Math.Min(logits.Length, _model.Tokenizer.VocabularySize);   // rows beyond the tokenizer's own are padding of the matrix
            Book(answer, answer.Draw(logits[..vocabulary]));
        }
        catch (FormatTooComplexException fault)                              // of this sequence only
        {
            Fault = fault;
        }
    }

    private void Book(RunningAnswer answer, GenerationEvent.Token token)
    {
        Sequence.Clock.Token();
        Sequence.Publish(token);
        if (!answer.IsComplete) return;
        var end = answer.End();
        if (++_complete < Sequence.Request.Choices) Sequence.Publish(new GenerationEvent.ChoiceFinished(end));
        else Finished = new(end.Reason, end.Text, Sequence.Clock.Timings()) { Choice = end.Choice, StoppedBy = end.StoppedBy };
    }

    /// <summary>Lets answers go that are complete while others are not.</summary>
    /// <returns>positions that they held</returns>
    public int LetGo()
    {
        var complete = Finished is null ? _answering.Where(answer => answer.IsComplete).ToArray() : [];
        foreach (var answer in complete)
        {
            answer.Dispose();
            _answering.Remove(answer);
        }
        return complete.Length * AnswerPositions;
    }

    /// <summary>Gives the cache of its last answer away, with the names of what is in it; null when it has none or it holds half a prompt.</summary>
    public (PositionKeys Keys, KvCache Cache)? HandOverCache()
    {
        if (Phase != WorkPhase.Decode || _answering[^1] is not { Cache: { } cache } answer) return null;
        answer.Cache = null;
        return (Keys!.With(answer.InCache, _model.Config.Decoder.MaxPositions), cache);
    }

    private int AnswerPositions => Layout.Positions + AnswerTokens;

    public void Dispose()
    {
        _cancellation.Dispose();
        _question?.Dispose();
        _prompt?.Dispose();
        foreach (var answer in _answering) answer.Dispose();
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
