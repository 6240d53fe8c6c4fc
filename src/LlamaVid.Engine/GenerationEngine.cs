namespace LlamaVid.Engine;

// Stands in until the engine exists.
public enum EngineState { Loading, Ready, Stopped }

public sealed record ModelCard(string Name, int ContextLength, string Dtype, string Device, int? TokensPerFrame);

public sealed class GenerationEngine : IAsyncDisposable
{
    public ModelCard Card { get; } = new("none", 4096, "float32", "cpu", 2);
    public EngineState State => EngineState.Ready;
    public Generation Submit(GenerationRequest request) => throw new EngineStoppedException("this build has no engine.");
    public ValueTask DisposeAsync() => ValueTask.CompletedTask;
}
