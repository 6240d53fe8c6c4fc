namespace LlamaVid.Engine;

/// <summary>A request that was accepted into the line. The caller reads its events to the end, or disposes it, which cancels it.</summary>
public sealed class Generation : IAsyncDisposable
{
    private readonly Sequence _sequence;
    private readonly Task _admission;

    internal Generation(Sequence sequence, Task admission) => (_sequence, _admission) = (sequence, admission);

    /// <summary>What happens to the request, in order; read once. The last event is Finished or Failed.</summary>
    public IAsyncEnumerable<GenerationEvent> Events => _sequence.Events.ReadAllAsync();

    /// <summary>Cancels what is still to be done; a running sequence leaves the engine within one step.</summary>
    public async ValueTask DisposeAsync()
    {
        _sequence.Cancel();
        await _admission;
    }
}
