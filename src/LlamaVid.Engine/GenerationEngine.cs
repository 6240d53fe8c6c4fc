using System.Security.Cryptography;
using Microsoft.Extensions.Logging;
using TorchSharp;

namespace LlamaVid.Engine;

/// <summary>Answers requests one after the other on a thread of its own, which is the only one that touches tensors.</summary>
/// <remarks>
/// Submit puts a request in the bounded line; its media are opened at once, outside the thread; the thread takes requests in turn.
/// What crosses the border is data: a request in, a stream of events out, and cancellation.
/// </remarks>
public sealed partial class GenerationEngine : IAsyncDisposable
{
    private readonly ModelOptions _modelOptions;
    private readonly EngineOptions _options;
    private readonly MediaOpener _opener;
    private readonly TimeProvider _time;
    private readonly ILogger<GenerationEngine> _log;
    private readonly RequestQueue _queue;
    private readonly TaskCompletionSource _loaded = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private readonly TaskCompletionSource _ended = new(TaskCreationOptions.RunContinuationsAsynchronously);

    private MediaIntake? _intake;
    private volatile Sequence? _running;
    private volatile bool _endsRunning;
    private volatile EngineState _state = EngineState.Loading;

    public GenerationEngine(ModelOptions model, EngineOptions options, MediaOpener opener, TimeProvider time, ILogger<GenerationEngine> log)
    {
        (_modelOptions, _options, _opener, _time, _log) = (model, options, opener, time, log);
        _queue = new(options.MaxWaitingRequests);
    }

    public EngineState State => _state;

    /// <summary>Null until the model is loaded.</summary>
    public ModelCard? Card { get; private set; }

    public int Waiting => _queue.Count;

    /// <summary>Completes when the engine's thread has ended: by its disposal, or because its loop failed.</summary>
    public Task Ended => _ended.Task;

    /// <summary>Loads the model on the engine's thread, which then serves until the engine is disposed.</summary>
    /// <returns>completes when the model is loaded</returns>
    /// <exception cref="Model.Weights.CheckpointException">the checkpoint cannot be loaded</exception>
    public Task StartAsync()
    {
        new Thread(Live) { Name = "llamavid-engine", IsBackground = true }.Start();
        return _loaded.Task;
    }

    /// <summary>Puts a request in line.</summary>
    /// <exception cref="EngineLoadingException">the model is not loaded yet</exception>
    /// <exception cref="EngineStoppedException">the engine is stopping or has stopped</exception>
    /// <exception cref="EngineOverloadedException">the line is full</exception>
    /// <exception cref="ContextLengthExceededException">the text cannot fit, however it is tokenised</exception>
    public Generation Submit(GenerationRequest request)
    {
        if (_state == EngineState.Loading) throw new EngineLoadingException();
        if (_state != EngineState.Ready) throw new EngineStoppedException();

        RefuseHugeText(request);
        var seeded = request with { Sampling = request.Sampling with { Seed = request.Sampling.Seed ?? RandomNumberGenerator.GetInt32(int.MaxValue) } };
        var sequence = new Sequence(seeded, new RequestClock(_time));
        _queue.Add(sequence);
        return new Generation(sequence, AdmitAsync(sequence));
    }

    /// <summary>Takes no more requests and refuses those that wait; the one that runs goes on.</summary>
    public void Drain()
    {
        Interlocked.Exchange(ref _state, EngineState.Stopping);
        RefuseWhatWaits();
    }

    /// <summary>Ends the running request with <see cref="EngineStoppedException"/>, when a shutdown cannot wait for its end.</summary>
    public void EndRunning()
    {
        _endsRunning = true;
        _running?.Cancel();
    }

    /// <summary>Lets what runs come to its end, refuses what waits, and ends the thread.</summary>
    public async ValueTask DisposeAsync()
    {
        Drain();
        if (!_loaded.Task.IsCompleted) return;                              // nothing depends on what is being read: the process may end
        await _ended.Task;
        _intake?.Dispose();
    }

    /// <summary>Opens the media, then sees to it that the sequence does not wait longer than it may, or than its client does.</summary>
    private async Task AdmitAsync(Sequence sequence)
    {
        try
        {
            await _intake!.OpenAsync(sequence);
            _queue.Ready(sequence);
            await sequence.Started.WaitAsync(_options.QueueTimeout, _time, sequence.Cancelled);
        }
        catch (Exception fault)
        {
            sequence.TryRefuse(fault is TimeoutException ? new QueueTimeoutException(_options.QueueTimeout) : fault);
            if (sequence.Started.IsCompleted) return;                       // the engine thread has it, and closes its media
            _queue.Remove(sequence);
            await sequence.DisposeAsync();
        }
    }

    private void Live()
    {
        try
        {
            using var inference = torch.inference_mode();
            using var model = LlamaVidModel.Load(_modelOptions);
            Card = CardOf(model);
            _intake = new(_opener, Card);
            Interlocked.CompareExchange(ref _state, EngineState.Ready, EngineState.Loading);
            _loaded.SetResult();

            var runner = new ModelRunner(model, _options);
            while (_queue.Take() is { } sequence) Serve(model, runner, sequence);
        }
        catch (Exception fault)
        {
            if (!_loaded.TrySetException(fault)) LoopFailed(_log, fault);
        }
        finally
        {
            _state = EngineState.Stopped;
            RefuseWhatWaits();
            _ended.SetResult();
        }
    }

    /// <summary>A fault of one sequence ends that sequence and nothing else.</summary>
    private void Serve(LlamaVidModel model, ModelRunner runner, Sequence sequence)
    {
        if (!sequence.TryStart()) return;
        _running = sequence;
        GenerationEvent last;
        try
        {
            if (_endsRunning) throw new EngineStoppedException();
            sequence.Clock.Start();
            last = new SequenceRun(model, runner, _options, sequence).Run();
        }
        catch (Exception fault)
        {
            last = new GenerationEvent.Failed(_endsRunning && fault is OperationCanceledException ? new EngineStoppedException() : fault);
        }
        _running = null;
        sequence.DisposeAsync().AsTask().GetAwaiter().GetResult();
        sequence.End(last);
    }

    /// <summary>No token stands for more characters than the longest one, so a text can be too long beyond doubt before anybody tokenises it.</summary>
    private void RefuseHugeText(GenerationRequest request)
    {
        var characters = request.Turns.Sum(turn => (long)turn.Text.Length) + (request.Prompt.System?.Length ?? 0)
            + (request.Prompt.Condition is VideoCondition.Text condition ? condition.Value.Length : 0);
        var leastTokens = characters / Card!.LongestToken;
        if (leastTokens >= Card.ContextLength)
            throw new ContextLengthExceededException((int)Math.Min(leastTokens, int.MaxValue / 2), null, request.MaxTokens ?? 1, Card.ContextLength);
    }

    private void RefuseWhatWaits()
    {
        foreach (var sequence in _queue.Close())
        {
            sequence.TryRefuse(new EngineStoppedException());
            sequence.Cancel();                                              // its admission closes the media
        }
    }

    private ModelCard CardOf(LlamaVidModel model) => new(
        _modelOptions.ServedName(), model.Config.MaxContext, model.Placement.Dtype.ToString().ToLowerInvariant(), model.Placement.Device.ToString(),
        model.TokensPerFrame, model.Preprocessor?.ImageSize ?? 0, model.Tokenizer.LongestToken, _time.GetUtcNow());

    [LoggerMessage(2001, LogLevel.Critical, "The engine's loop has failed; nothing more is answered")]
    private static partial void LoopFailed(ILogger log, Exception fault);
}
