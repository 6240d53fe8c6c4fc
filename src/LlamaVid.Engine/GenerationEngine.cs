using Microsoft.Extensions.Logging;
namespace LlamaVid.Engine;

// Stands in until the engine exists.
public sealed class GenerationEngine(ModelOptions m, EngineOptions o, MediaOpener opener, TimeProvider t, ILogger<GenerationEngine> l) : IAsyncDisposable
{
    private readonly object[] _all = [m, o, opener, t, l];
    public ModelCard? Card { get; private set; }
    public EngineState State => Card is null ? EngineState.Loading : EngineState.Ready;
    public Task StartAsync() { Card = new(m.ServedName(), 4096, "float32", "cpu", 2, 224); return Task.CompletedTask; }
    public Generation Submit(GenerationRequest request) => _all.Length == 0 ? null! : throw new EngineStoppedException();
    public ValueTask DisposeAsync() => ValueTask.CompletedTask;
}
public sealed class MediaOpener { }
