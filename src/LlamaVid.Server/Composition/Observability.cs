using LlamaVid.Server.Answers;
using LlamaVid.Server.Requests;
using Serilog;
using Serilog.Events;

namespace LlamaVid.Server.Composition;

/// <summary>The log: one line per request with its id, timing, frames and tokens. Never contents.</summary>
internal static class Observability
{
    private const string Line = "{RequestId} {RequestMethod} {Path} {StatusCode} in {Elapsed:0} ms{Work:l}";

    public static IServiceCollection AddObservability(this IServiceCollection services, IConfiguration configuration)
    {
        try
        {
            return services.AddSerilog(new LoggerConfiguration().ReadFrom.Configuration(configuration).CreateLogger(), dispose: true);
        }
        catch (InvalidOperationException fault)
        {
            throw new StartupException($"Serilog: {fault.Message}");
        }
    }

    public static void UseObservability(this WebApplication app)
    {
        app.Use(RequestIds.Assign);
        app.UseSerilogRequestLogging(options =>
        {
            options.Logger = app.Services.GetRequiredService<Serilog.ILogger>();
            options.MessageTemplate = Line;
            options.GetLevel = (context, _, fault) =>
                fault is not null || context.Response.StatusCode >= 500 && context.Response.StatusCode != 503 ? LogEventLevel.Error
                : context.Request.Path.StartsWithSegments("/health") ? LogEventLevel.Debug : LogEventLevel.Information;
            options.EnrichDiagnosticContext = (diagnostics, context) =>
            {
                diagnostics.Set("RequestId", RequestIds.Of(context));
                diagnostics.Set("Path", context.Request.Path.ToUriComponent());          // escaped: a path cannot forge a line
                diagnostics.Set("Work", context.Features.Get<RequestWork>()?.ToString() ?? "");
            };
        });
    }
}
