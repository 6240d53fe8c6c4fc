using System.Security.Cryptography;
using Microsoft.Extensions.Logging;

namespace LlamaVid.Engine;

/// <summary>Answers requests: puts them in one bounded line, from which a worker on each device takes as many as it can advance together.</summary>
/// <remarks>
/// What crosses the border is data: a request in, a stream of events out, and cancellation. Media are opened outside the workers' threads, which are the
/// only ones that touch tensors.
/// </remarks>
public sealed partial class GenerationEngine : IAsyncDisposable
{
    private readonly ModelOptions _modelOptions;
    private readonly EngineOptions _options;
    private readonly MediaOpener _opener;
    private readonly TimeProvider _time;
    private readonly ILogger<GenerationEngine> _log;
    private readonly RequestQueue _queue;
    private readonly List<LlamaVidModel> _models = [];                      // one for each device
    private readonly TaskCompletionSource _loaded = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private readonly TaskCompletionSource _ended = new(TaskCreationOptions.RunContinuationsAsynchronously);

    private List<Worker> _workers = [];
    private FeatureStore? _store;
    private MediaIntake? _intake;
    private volatile bool _endsRunning;
    private volatile EngineState _state = EngineState.Loading;
    private volatile TaskCompletionSource? _pause;                          // completed by its end; null while there is none

    public GenerationEngine(ModelOptions model, EngineOptions options, MediaOpener opener, TimeProvider time, ILogger<GenerationEngine> log)
    {
        (_modelOptions, _options, _opener, _time, _log) = (model, options, opener, time, log);
        _queue = new(options.MaxWaitingRequests, options.MaxRequestsPerClient, time);
    }

    public EngineState State => _state == EngineState.Ready && _pause is not null ? EngineState.Paused : _state;

    /// <summary>Null until the model is loaded.</summary>
    public ModelCard? Card { get; private set; }

    public int Waiting => _queue.Count;

    /// <summary>Requests that were taken and have not ended, waiting or running.</summary>
    public int Unfinished => _queue.Unfinished;

    /// <summary>Makes, for each request that is submitted, somebody who is told what happens to it, in order, on whatever thread it happens; must not throw. Set before the first request.</summary>
    public Func<GenerationRequest, Action<GenerationEvent>>? Observer { get; set; }

    /// <summary>The weights, one for each device.</summary>
    internal IReadOnlyList<LlamaVidModel> Models => _models;

    /// <summary>How text becomes the model's tokens and back; any thread.</summary>
    /// <exception cref="EngineLoadingException">the model is not loaded yet</exception>
    public LlamaTokenizer Tokenizer => Card is null ? throw new EngineLoadingException() : _models[0].Tokenizer;

    /// <summary>The tokens of a conversation without media, as the model would read it.</summary>
    /// <exception cref="EngineLoadingException">the model is not loaded yet</exception>
    public IReadOnlyList<int> PromptOf(IReadOnlyList<ChatTurn> turns, PromptOptions options) =>
        Card is null ? throw new EngineLoadingException() : _models[0].Prompts.Build(turns, [], options).FoldedIds;

    /// <summary>What each living worker has to do.</summary>
    public IReadOnlyList<WorkerLoad> Workers => [.. _workers.Where(worker => worker.IsAlive).Select(worker => worker.Load)];

    /// <summary>How many workers there are, and how they are. Nobody answers while none of them serves.</summary>
    public WorkerHealth Health => new(_workers.Count, _workers.Count(worker => worker.IsServing), _workers.Sum(worker => worker.Failures));

    /// <summary>Completes when the last worker has ended: by disposal, or because its loop failed again and again.</summary>
    public Task Ended => _ended.Task;

    /// <summary>Loads the model on a thread of its own and starts the workers, which then serve until the engine is disposed.</summary>
    /// <returns>completes when the model is loaded</returns>
    /// <exception cref="Model.Weights.CheckpointException">the checkpoint cannot be loaded</exception>
    public Task StartAsync()
    {
        new Thread(Load) { Name = "llamavid-loader", IsBackground = true }.Start();
        return _loaded.Task;
    }

    /// <summary>Puts a request in line.</summary>
    /// <exception cref="EngineLoadingException">the model is not loaded yet</exception>
    /// <exception cref="EnginePausedException">the engine takes nothing until it is resumed</exception>
    /// <exception cref="EngineStoppedException">the engine is stopping or has stopped</exception>
    /// <exception cref="EngineOverloadedException">the line is full</exception>
    /// <exception cref="ClientOverloadedException">the client has its share of the line already</exception>
    /// <exception cref="ContextLengthExceededException">the text cannot fit, however it is tokenised</exception>
    /// <exception cref="UnknownTokenException">a token is named that the model does not have</exception>
    public Generation Submit(GenerationRequest request)
    {
        var observe = Observer?.Invoke(request);
        try
        {
            return Submit(request, observe);
        }
        catch (Exception refusal)
        {
            observe?.Invoke(new GenerationEvent.Failed(refusal));
            throw;
        }
    }

    private Generation Submit(GenerationRequest request, Action<GenerationEvent>? observe)
    {
        RefuseUnlessReady();
        TextLength.Require(request, [.. request.Media.Select(media => media.Subtitles)], Card!);
        RefuseUnknownTokens(request);
        var seeded = request with { Sampling = request.Sampling with { Seed = request.Sampling.Seed ?? RandomNumberGenerator.GetInt32(int.MaxValue) } };
        var sequence = new Sequence(seeded, _time, _options.RequestTimeout, _queue.Ended, observe);
        _queue.Add(sequence);
        return new Generation(sequence, AdmitAsync(sequence));
    }

    /// <summary>What a request would need and what would refuse it now. Its media are fetched and looked into; nothing is put in line.</summary>
    /// <exception cref="EngineLoadingException">the model is not loaded yet</exception>
    /// <exception cref="EnginePausedException">the engine takes nothing until it is resumed</exception>
    /// <exception cref="EngineStoppedException">the engine is stopping or has stopped</exception>
    /// <exception cref="UnknownTokenException">a token is named that the model does not have</exception>
    public async Task<RequestEstimate> EstimateAsync(GenerationRequest request, CancellationToken cancellationToken)
    {
        RefuseUnlessReady();
        RefuseUnknownTokens(request);
        await using var sequence = new Sequence(request, _time, _options.RequestTimeout, _ => { });
        await using var leaving = cancellationToken.Register(() => sequence.Cancel());
        try
        {
            TextLength.Require(request, [.. request.Media.Select(media => media.Subtitles)], Card!);
        }
        catch (ContextLengthExceededException fault)
        {
            return new([], null, null, null, _queue.Count, fault);
        }
        var estimate = await Estimation.OfAsync(sequence, _intake!, _models[0], key => _workers.Any(worker => worker.IsAlive && worker.Holds(key)), _queue.Count);
        return estimate.Refusal is null && estimate.Waiting >= _options.MaxWaitingRequests
            ? estimate with { Refusal = new EngineOverloadedException(estimate.Waiting, _options.MaxWaitingRequests) }
            : estimate;
    }

    /// <summary>Takes no more requests until <see cref="Resume"/>; those that wait or run come to their ends.</summary>
    public void Pause() => Interlocked.CompareExchange(ref _pause, new(TaskCreationOptions.RunContinuationsAsynchronously), null);

    /// <exception cref="EngineStoppedException">the engine is stopping or has stopped</exception>
    public void Resume()
    {
        if (_state is EngineState.Stopping or EngineState.Stopped) throw new EngineStoppedException();
        Interlocked.Exchange(ref _pause, null)?.SetResult();
    }

    /// <summary>Completes when the engine is not paused.</summary>
    public Task Resumed => _pause?.Task ?? Task.CompletedTask;

    /// <summary>Takes no more requests and refuses those that wait; what runs goes on.</summary>
    public void Drain()
    {
        Interlocked.Exchange(ref _state, EngineState.Stopping);
        RefuseWhatWaits();
    }

    /// <summary>Ends the running requests with <see cref="EngineStoppedException"/>, when a shutdown cannot wait for their ends.</summary>
    public void EndRunning()
    {
        _endsRunning = true;
        foreach (var worker in _workers) worker.EndRunning();
    }

    /// <summary>Lets what runs come to its end, refuses what waits, and ends the workers.</summary>
    public async ValueTask DisposeAsync()
    {
        Drain();
        if (!_loaded.Task.IsCompleted) return;                              // nothing depends on what is being read: the process may end
        await _ended.Task;
    }

    /// <summary>Prepares the sequence, then sees to it that it does not wait longer than it may, or than its client does.</summary>
    private async Task AdmitAsync(Sequence sequence)
    {
        try
        {
            await Task.Run(() => _intake!.PrepareAsync(sequence));
            sequence.Home = sequence.Media.Count == 0 ? null : _workers.FirstOrDefault(worker => worker.IsAlive && worker.Holds(sequence.Media[0].Key));
            sequence.Publish(new GenerationEvent.Admitted());
            _queue.Ready(sequence);
            await sequence.Started.WaitAsync(_options.QueueTimeout, _time, sequence.Cancelled);
        }
        catch (Exception fault)
        {
            sequence.TryRefuse(fault is TimeoutException ? new QueueTimeoutException(_options.QueueTimeout) : sequence.WhyCancelled ?? fault);
            if (sequence.Started.IsCompleted) return;                       // a worker has it, and closes its media
            _queue.Remove(sequence);
            await sequence.DisposeAsync();
        }
    }

    private void Load()
    {
        try
        {
            _workers = Staff();
            for (var i = 0; i < _workers.Count; i++) _workers[i].Start(i);
            Interlocked.CompareExchange(ref _state, EngineState.Ready, EngineState.Loading);
            if (_endsRunning) EndRunning();
            _loaded.SetResult();
            _ = EndAsync();
        }
        catch (Exception fault)
        {
            _state = EngineState.Stopped;
            _loaded.SetException(fault);
            _ended.SetResult();
        }
    }

    private List<Worker> Staff()
    {
        var devices = _options.Devices is "" ? [_modelOptions.Device] : _options.Devices.Split(',');
        var byDevice = devices.Distinct().ToDictionary(device => device, device => LlamaVidModel.Load(_modelOptions with { Device = device }));
        _models.AddRange(byDevice.Values);
        foreach (var loaded in _models) ComputesIn(_log, loaded.Precision);
        var model = _models[0];
        var kvPositions = _options.KvCacheTokens > 0 ? _options.KvCacheTokens : byDevice.Min(loaded => KvPositionsFor(loaded.Value, devices.Count(device => device == loaded.Key)));
        Card = CardOf(model, kvPositions);
        _intake = new(_opener, model, Card, _options);
        _store = _options.FeatureStorePath is "" || !Card.SeesVideo
            ? null
            : new FeatureStore(_options.FeatureStorePath, (long)_options.FeatureStoreMegabytes << 20, _time, _log);
        var tokens = new Lazy<TokenTree>(() => new(model.Tokenizer));
        return [.. devices.Select(device => new Worker(new(byDevice[device], Card, _options, kvPositions, _queue, tokens, _store, _log)))];
    }

    /// <summary>When no worker is left, nobody answers any more.</summary>
    private async Task EndAsync()
    {
        await Task.WhenAll(_workers.Select(worker => worker.Ended));
        if (Interlocked.Exchange(ref _state, EngineState.Stopped) == EngineState.Ready) AllWorkersFailed(_log);
        RefuseWhatWaits();
        foreach (var worker in _workers) worker.Dispose();
        foreach (var model in _models) model.Dispose();
        if (_store is not null) await _store.DisposeAsync();
        _ended.SetResult();
    }

    private void RefuseUnlessReady()
    {
        if (_state == EngineState.Loading) throw new EngineLoadingException();
        if (_state != EngineState.Ready) throw new EngineStoppedException();
        if (_pause is not null) throw new EnginePausedException();
    }

    private void RefuseUnknownTokens(GenerationRequest request)
    {
        Refuse(request.StopTokens, areBiased: false);
        Refuse(request.Sampling.Bias?.Keys ?? [], areBiased: true);

        void Refuse(IEnumerable<int> ids, bool areBiased)
        {
            var size = Card!.VocabularySize;
            foreach (var id in ids)
                if (id < 0 || id >= size)
                    throw new UnknownTokenException(id, size, areBiased);
        }
    }

    private void RefuseWhatWaits()
    {
        foreach (var sequence in _queue.Close())
        {
            sequence.TryRefuse(new EngineStoppedException());
            sequence.Cancel();                                              // its admission closes the media
        }
    }

    private ModelCard CardOf(LlamaVidModel model, int kvPositions) => new(
        _modelOptions.ServedName(), Math.Min(model.Config.MaxContext, kvPositions), model.Placement.Dtype.ToString().ToLowerInvariant(),
        model.DeviceNames, model.TokensPerFrame, model.Preprocessor?.ImageSize ?? 0, model.Tokenizer.LongestToken, model.Tokenizer.VocabularySize, kvPositions,
        _time.GetUtcNow());

    /// <summary>What the device that holds most of every position has room for, for each of the workers that share it.</summary>
    private static int KvPositionsFor(LlamaVidModel model, int workers)
    {
        const int contexts = 4;
        var quarter = GC.GetGCMemoryInfo().TotalAvailableMemoryBytes / 4;
        var (context, fits) = (model.Config.MaxContext, quarter / (workers * model.KvBytesPerPositionOfOneDevice));
        return (int)Math.Clamp(fits, context, Math.Min((long)contexts * context, int.MaxValue));
    }

    [LoggerMessage(2003, LogLevel.Information, "{Precision}")]
    private static partial void ComputesIn(ILogger log, string precision);

    [LoggerMessage(2002, LogLevel.Critical, "Every worker has failed; nothing more is answered")]
    private static partial void AllWorkersFailed(ILogger log);
}
