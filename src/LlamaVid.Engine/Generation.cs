namespace LlamaVid.Engine;

/// <summary>A request that was accepted into the queue. Reading its events to the end, or disposing it, is the caller's duty.</summary>
public abstract class Generation : IAsyncDisposable
{
    /// <summary>The events in order; each is delivered once, the last one is Finished or Failed.</summary>
    public abstract IAsyncEnumerable<GenerationEvent> Events { get; }

    /// <summary>Cancels what is still running. The sequence leaves the engine within one step.</summary>
    public abstract ValueTask DisposeAsync();
}
