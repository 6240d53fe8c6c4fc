using System.Threading.Channels;

namespace LlamaVid.Engine;

/// <summary>One request inside the engine: where it stands, its media once they are open, and the events that leave it.</summary>
/// <remarks>
/// It waits, then runs, then has ended; or it ends while waiting. Each step is taken once, by whoever comes first: the engine thread, the
/// time limit of the line, the client going away, or a fault of its media.
/// </remarks>
internal sealed class Sequence : IAsyncDisposable
{
    private const int Waiting = 0, Running = 1, Ended = 2;

    private readonly Channel<GenerationEvent> _events = Channel.CreateUnbounded<GenerationEvent>(new() { SingleReader = true });
    private readonly CancellationTokenSource _cancellation = new();
    private readonly TaskCompletionSource _started = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private readonly Action<Sequence> _ended;
    private readonly Action<GenerationEvent>? _observe;
    private readonly ITimer? _deadline;
    private volatile Exception? _why;
    private int _state = Waiting;

    /// <param name="timeout">longest time from now to the last event; zero for no limit</param>
    /// <param name="ended">told once, when the last event has been written</param>
    /// <param name="observe">told every event as it happens</param>
    public Sequence(GenerationRequest request, TimeProvider time, TimeSpan timeout, Action<Sequence> ended, Action<GenerationEvent>? observe = null)
    {
        (Request, Clock, _ended, _observe) = (request, new(time), ended, observe);
        if (timeout > TimeSpan.Zero)
            _deadline = time.CreateTimer(_ => Cancel(new RequestTimeoutException(timeout)), null, timeout, Timeout.InfiniteTimeSpan);
    }

    public GenerationRequest Request { get; }
    public RequestClock Clock { get; }

    /// <summary>The client has gone away, or the time is up.</summary>
    public CancellationToken Cancelled => _cancellation.Token;

    /// <summary>Why it is cancelled; null while it is not.</summary>
    public Exception? WhyCancelled => _why;

    /// <summary>The media, in the order of the request; filled before the sequence becomes ready.</summary>
    public List<SequenceMedia> Media { get; } = [];

    /// <summary>Media are open and the request fits: a worker may take it.</summary>
    public bool IsReady { get; set; }

    /// <summary>The prompt as it will be if every planned frame decodes; filled before the sequence becomes ready.</summary>
    public PromptLayout? Planned { get; set; }

    /// <summary>Most tokens that will be generated; filled before the sequence becomes ready.</summary>
    public int AnswerTokens { get; set; }

    /// <summary>Positions of the decoder that the planned prompt and the answer take, once for each answer.</summary>
    public int PlannedPositions => Request.Choices * (Planned!.Positions + AnswerTokens);

    /// <summary>The worker that holds features of its media, if one does; others leave it alone.</summary>
    public Worker? Home { get; set; }

    /// <summary>Completes when the engine takes the sequence.</summary>
    public Task Started => _started.Task;

    public ChannelReader<GenerationEvent> Events => _events.Reader;

    public void Publish(GenerationEvent happened)
    {
        if (_events.Writer.TryWrite(happened)) _observe?.Invoke(happened);
    }

    public bool TryStart()
    {
        if (Interlocked.CompareExchange(ref _state, Running, Waiting) != Waiting) return false;
        _started.SetResult();
        Publish(new GenerationEvent.Started());
        return true;
    }

    /// <summary>Ends a sequence that still waits; false when it does not.</summary>
    public bool TryRefuse(Exception why)
    {
        if (Interlocked.CompareExchange(ref _state, Ended, Waiting) != Waiting) return false;
        Close(new GenerationEvent.Failed(why));
        return true;
    }

    /// <summary>The last event of a running sequence.</summary>
    public void End(GenerationEvent last)
    {
        if (Interlocked.CompareExchange(ref _state, Ended, Running) == Running) Close(last);
    }

    public void Cancel() => Cancel(new OperationCanceledException("The client has gone away."));

    private void Cancel(Exception why)
    {
        Interlocked.CompareExchange(ref _why, why, null);
        _cancellation.Cancel();
    }

    /// <summary>Closes the media and deletes their temporary files.</summary>
    public async ValueTask DisposeAsync()
    {
        foreach (var media in Media) await media.DisposeAsync();
        Media.Clear();
    }

    private void Close(GenerationEvent last)
    {
        _deadline?.Dispose();
        Publish(last);
        _events.Writer.Complete();
        _ended(this);
    }
}
