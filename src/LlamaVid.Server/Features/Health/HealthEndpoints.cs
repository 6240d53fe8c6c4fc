using System.Reflection;
using LlamaVid.Engine;
using LlamaVid.Server.Composition;
using LlamaVid.Server.Errors;
using LlamaVid.Server.Hosting;
using LlamaVid.Server.OpenAi;
using LlamaVid.Server.Security;
using Microsoft.AspNetCore.Http.HttpResults;

namespace LlamaVid.Server.Features.Health;

/// <summary>GET /health/live: the process answers. GET /health/ready (and /health): weights are loaded and the engine runs. GET /version.</summary>
internal static class HealthEndpoints
{
    public static void MapHealth(this IEndpointRouteBuilder routes)
    {
        routes.MapGet("/health/live", () => TypedResults.Json(new Liveness("live"), OpenAiJson.Wire.Liveness))
            .WithName("Live").WithTags("Health").WithSummary("The process answers").Produces<Liveness>()
            .AllowAnonymous().DisableRateLimiting();
        foreach (var (path, name) in new[] { ("/health/ready", "Ready"), ("/health", "Health") })
            routes.MapGet(path, Ready)
                .WithName(name).WithTags("Health").WithSummary("The weights are loaded and the engine answers")
                .WithDescription("`degraded` while workers are missing and others answer; 503 while none does, before the model is loaded, and from the beginning of a drain or a shutdown.")
                .Produces<HealthStatus>().ProducesErrors(503).AllowAnyKey();
        routes.MapGet("/version", () => TypedResults.Json(VersionNumber.Served, OpenAiJson.Wire.VersionNumber))
            .WithName("Version").WithTags("Health").WithSummary("The server's version").Produces<VersionNumber>().AllowAnyKey();
    }

    private static JsonHttpResult<HealthStatus> Ready(EngineHost host) => host.Engine.State switch
    {
        EngineState.Ready when HealthStatus.Of(host.Engine) is { Workers: var workers } status =>
            workers.Serving > 0 ? TypedResults.Json(status, OpenAiJson.Wire.HealthStatus) : throw new NoWorkerException(workers.Total),
        EngineState.Loading => throw new EngineLoadingException(),
        EngineState.Paused => throw new EnginePausedException(),
        _ => throw new EngineStoppedException(),
    };
}

internal sealed record Liveness(string Status);

internal sealed record VersionNumber(string Version)
{
    /// <summary>This program's own.</summary>
    public static readonly VersionNumber Served =
        new(typeof(VersionNumber).Assembly.GetCustomAttribute<AssemblyInformationalVersionAttribute>()!.InformationalVersion.Split('+')[0]);
}
