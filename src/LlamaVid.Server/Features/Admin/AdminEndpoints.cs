using LlamaVid.Server.Composition;
using LlamaVid.Server.Features.Health;
using LlamaVid.Server.Hosting;
using LlamaVid.Server.OpenAi;
using LlamaVid.Server.Security;
using Microsoft.AspNetCore.Http.HttpResults;

namespace LlamaVid.Server.Features.Admin;

/// <summary>POST /admin/drain and /admin/resume: the server takes no more work, and takes it again. Each may be sent any number of times; a restarted server is not drained.</summary>
internal static class AdminEndpoints
{
    public static void MapAdmin(this IEndpointRouteBuilder routes)
    {
        var admin = routes.MapGroup("/admin").WithTags("Admin").RequireRight(Right.Admin);
        admin.MapPost("/drain", Drain).WithName("Drain").WithSummary("Take no more work")
            .WithDescription(
                "Readiness and new requests are answered 503 `engine_draining` with `Retry-After`. What has been taken, waiting or running, is answered to its end; jobs and lines of batches " +
                "that have not begun wait for the end of the drain. The answer counts what is left, so sending it again tells when the server can be stopped.")
            .Produces<HealthStatus>().ProducesErrors(503);
        admin.MapPost("/resume", Resume).WithName("Resume").WithSummary("Take work again").Produces<HealthStatus>().ProducesErrors(503);
    }

    private static JsonHttpResult<HealthStatus> Drain(EngineHost host)
    {
        host.Engine.Pause();
        return Answer(host);
    }

    private static JsonHttpResult<HealthStatus> Resume(EngineHost host)
    {
        host.Engine.Resume();
        return Answer(host);
    }

    private static JsonHttpResult<HealthStatus> Answer(EngineHost host) => TypedResults.Json(HealthStatus.Of(host.Engine), OpenAiJson.Wire.HealthStatus);
}
