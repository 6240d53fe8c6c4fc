using System.Reflection;
using LlamaVid.Engine;
using LlamaVid.Server.Composition;
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
        routes.MapGet("/health/live", () => TypedResults.Json(new HealthStatus("live"), OpenAiJson.Wire.HealthStatus))
            .WithName("Live").WithTags("Health").WithSummary("The process answers").Produces<HealthStatus>()
            .AllowAnonymous().DisableRateLimiting();
        foreach (var (path, name) in new[] { ("/health/ready", "Ready"), ("/health", "Health") })
            routes.MapGet(path, Ready)
                .WithName(name).WithTags("Health").WithSummary("The weights are loaded and the engine runs").Produces<HealthStatus>().ProducesErrors(503).AllowAnyKey();
        routes.MapGet("/version", () => TypedResults.Json(VersionNumber.Served, OpenAiJson.Wire.VersionNumber))
            .WithName("Version").WithTags("Health").WithSummary("The server's version").Produces<VersionNumber>().AllowAnyKey();
    }

    private static JsonHttpResult<HealthStatus> Ready(EngineHost host) => host.Engine.State switch
    {
        EngineState.Ready => TypedResults.Json(new HealthStatus("ready"), OpenAiJson.Wire.HealthStatus),
        EngineState.Loading => throw new EngineLoadingException(),
        _ => throw new EngineStoppedException(),
    };
}

internal sealed record HealthStatus(string Status);

internal sealed record VersionNumber(string Version)
{
    /// <summary>This program's own.</summary>
    public static readonly VersionNumber Served =
        new(typeof(VersionNumber).Assembly.GetCustomAttribute<AssemblyInformationalVersionAttribute>()!.InformationalVersion.Split('+')[0]);
}
