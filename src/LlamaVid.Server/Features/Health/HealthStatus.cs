using System.ComponentModel;
using LlamaVid.Engine;

namespace LlamaVid.Server.Features.Health;

/// <summary>How the engine is at this moment, with the numbers. Decides no status code.</summary>
internal sealed record HealthStatus(
    [property: Description("`ready`; `degraded`: fewer workers answer than there should be; `draining`: nothing more is taken; `drained`: nor is anything left; `loading`, `stopping`.")] string Status,
    WorkerCounts Workers, RequestCounts Requests)
{
    public static HealthStatus Of(GenerationEngine engine)
    {
        var (workers, waiting, unfinished) = (engine.Health, engine.Waiting, engine.Unfinished);
        var status = engine.State switch
        {
            EngineState.Loading => "loading",
            EngineState.Ready => workers.Serving < workers.Total ? "degraded" : "ready",
            EngineState.Paused => unfinished > 0 ? "draining" : "drained",
            _ => "stopping",
        };
        return new(status, new(workers.Total, workers.Serving, workers.Failures), new(Math.Max(0, unfinished - waiting), waiting));
    }
}

internal sealed record WorkerCounts(
    [property: Description("One for each device.")] int Total,
    [property: Description("Those that take requests now; the others have given up, or begin anew.")] int Serving,
    [property: Description("How often their loops have failed since the start.")] int Failures);

internal sealed record RequestCounts(
    [property: Description("Taken by workers, jobs and lines of batches included.")] int Running,
    [property: Description("In line.")] int Waiting);
