using LlamaVid.Server.Composition;
using LlamaVid.Server.Security;

namespace LlamaVid.Server.Telemetry;

/// <summary>GET /metrics: everything that is counted, in Prometheus' text format.</summary>
internal static class MetricsEndpoint
{
    private const string TextFormat = "text/plain; version=0.0.4; charset=utf-8";

    public static void MapMetrics(this IEndpointRouteBuilder routes) =>
        routes.MapGet("/metrics", async (HttpContext context, ServerMetrics metrics) =>
            {
                context.Response.ContentType = TextFormat;
                await metrics.Registry.CollectAndExportAsTextAsync(context.Response.Body, context.RequestAborted);
            })
            .WithName("Metrics").WithTags("Health").WithSummary("Metrics in Prometheus' text format")
            .Produces<string>(StatusCodes.Status200OK, "text/plain").RequireRight(Right.Metrics);
}
