using System.Threading.Channels;

namespace LlamaVid.Engine;

/// <summary>One request inside the engine: where it stands, its media once they are open, and the events that leave it.</summary>
/// <remarks>
/// It waits, then runs, then has ended; or it ends while waiting. Each step is taken once, by whoever comes first: the engine thread, the
/// time limit of the line, the client going away, or a fault of its media.
/// </remarks>
/// <param name="ended">told once, when the last event has been written</param>
internal sealed class Sequence(GenerationRequest request, RequestClock clock, Action<Sequence> ended) : IAsyncDisposable
{
    private const int Waiting = 0, Running = 1, Ended = 2;

    private readonly Channel<GenerationEvent> _events = Channel.CreateUnbounded<GenerationEvent>(new() { SingleReader = true });
    private readonly CancellationTokenSource _cancellation = new();
    private readonly TaskCompletionSource _started = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private int _state = Waiting;

    public GenerationRequest Request { get; } = request;
    public RequestClock Clock { get; } = clock;
    public CancellationToken Cancelled => _cancellation.Token;

    /// <summary>The media, in the order of the request; filled before the sequence becomes ready.</summary>
    public List<SequenceMedia> Media { get; } = [];

    /// <summary>Media are open and the request fits: a worker may take it.</summary>
    public bool IsReady { get; set; }

    /// <summary>The prompt as it will be if every planned frame decodes; filled before the sequence becomes ready.</summary>
    public PromptLayout? Planned { get; set; }

    /// <summary>Most tokens that will be generated; filled before the sequence becomes ready.</summary>
    public int AnswerTokens { get; set; }

    /// <summary>Positions of the decoder that the planned prompt and the answer take.</summary>
    public int PlannedPositions => Planned!.Positions + AnswerTokens;

    /// <summary>The worker that holds features of its media, if one does; others leave it alone.</summary>
    public Worker? Home { get; set; }

    /// <summary>Completes when the engine takes the sequence.</summary>
    public Task Started => _started.Task;

    public ChannelReader<GenerationEvent> Events => _events.Reader;

    public void Publish(GenerationEvent happened) => _events.Writer.TryWrite(happened);

    public bool TryStart()
    {
        if (Interlocked.CompareExchange(ref _state, Running, Waiting) != Waiting) return false;
        _started.SetResult();
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

    public void Cancel() => _cancellation.Cancel();

    /// <summary>Closes the media and deletes their temporary files.</summary>
    public async ValueTask DisposeAsync()
    {
        foreach (var media in Media) await media.DisposeAsync();
        Media.Clear();
    }

    private void Close(GenerationEvent last)
    {
        _events.Writer.TryWrite(last);
        _events.Writer.Complete();
        ended(this);
    }
}
