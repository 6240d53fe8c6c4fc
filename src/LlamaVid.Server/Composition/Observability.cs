using System.Globalization;
using System.Reflection;
using LlamaVid.Server.Answers;
using LlamaVid.Server.Features.Health;
using LlamaVid.Server.Requests;
using LlamaVid.Server.Security;
using LlamaVid.Server.Telemetry;
using Microsoft.Extensions.Options;
using OpenTelemetry.Exporter;
using OpenTelemetry.Resources;
using OpenTelemetry.Trace;
using Serilog;
using Serilog.Core;
using Serilog.Debugging;
using Serilog.Events;
using Serilog.Formatting.Compact;

namespace LlamaVid.Server.Composition;

[OptionsValidator]
internal sealed partial class TelemetryOptionsValidator : IValidateOptions<TelemetryOptions>;

/// <summary>The log (one line per request with its id, client, timing, frames and tokens, never contents), the metrics, and traces where a collector is named.</summary>
internal static class Observability
{
    private const string TextLine = "{Timestamp:yyyy-MM-ddTHH:mm:ss.fffzzz} {Level:u3} {Message:lj}{NewLine}{Exception}";
    private const string Line = "{RequestId} {Client} {RequestMethod} {Path} {StatusCode} in {Elapsed:0} ms{Work:l}";

    private static readonly Lock SelfLogIsOurs = new();     // there is one in the process

    public static IServiceCollection AddObservability(this IServiceCollection services, IConfiguration configuration)
    {
        services.AddOptionsWithValidateOnStart<TelemetryOptions, TelemetryOptionsValidator>().BindConfiguration(TelemetryOptions.Section);
        var options = configuration.GetSection(TelemetryOptions.Section).Get<TelemetryOptions>() ?? new();
        services.AddSerilog(CreateLogger(configuration, options), dispose: true).AddSingleton<ServerMetrics>();
        if (Uri.TryCreate(options.OtlpEndpoint, UriKind.Absolute, out var collector))
            services.AddOpenTelemetry()
                .ConfigureResource(resource => resource.AddService("llamavid-server", serviceVersion: VersionNumber.Served.Version))
                .WithTracing(traces => traces
                    .SetSampler(new ParentBasedSampler(new TraceIdRatioBasedSampler(options.TraceRatio)))
                    .AddSource(RequestTelemetry.SourceName)
                    .AddAspNetCoreInstrumentation(http => http.Filter = IsWork)
                    .AddOtlpExporter(exporter => (exporter.Endpoint, exporter.Protocol) = (new(collector, "v1/traces"), OtlpExportProtocol.HttpProtobuf)));
        return services;
    }

    /// <summary>Whether a request is worth a line or a trace: probes and scrapes come every few seconds.</summary>
    private static bool IsWork(HttpContext context) => !context.Request.Path.StartsWithSegments("/health") && !context.Request.Path.StartsWithSegments("/metrics");

    /// <summary>A sink that is unknown or cannot be opened is left out by Serilog, which says so to its own log only.</summary>
    private static Logger CreateLogger(IConfiguration configuration, TelemetryOptions options)
    {
        lock (SelfLogIsOurs)
        {
            var complaints = new List<string>();
            SelfLog.Enable(complaints.Add);
            try
            {
                var settings = new LoggerConfiguration().ReadFrom.Configuration(configuration);
                if (options.JsonLog)
                    settings.WriteTo.Console(new RenderedCompactJsonFormatter());
                else if (!configuration.GetSection("Serilog:WriteTo").Exists())
                    settings.WriteTo.Console(outputTemplate: TextLine, formatProvider: CultureInfo.InvariantCulture);
                var logger = settings.CreateLogger();
                if (complaints.Count == 0)
                    return logger;
                logger.Dispose();
                throw new StartupException($"Serilog: {Gist(complaints[0])}");
            }
            catch (Exception fault) when (fault is InvalidOperationException or IOException or ArgumentException or TargetInvocationException)
            {
                throw new StartupException($"Serilog: {(fault.InnerException ?? fault).Message}");
            }
            finally
            {
                SelfLog.Disable();
            }
        }
    }

    /// <summary>What a complaint says between its time and its lists of signatures or calls.</summary>
    private static string Gist(string complaint) => complaint[(complaint.IndexOf(' ') + 1)..].Split('\n')[0].Replace(" Candidate methods are:", "").Trim();

    private static async Task CountAsync(HttpContext context, RequestDelegate next)
    {
        var route = context.GetEndpoint() is RouteEndpoint { RoutePattern.RawText: { } pattern } ? pattern : "none";     // an error takes it away
        await next(context);
        context.RequestServices.GetRequiredService<ServerMetrics>().Http.WithLabels(route, context.Response.StatusCode.ToString(CultureInfo.InvariantCulture)).Inc();
    }

    public static void UseObservability(this WebApplication app)
    {
        app.Use(RequestIds.Assign);
        app.Use(CountAsync);
        app.UseSerilogRequestLogging(options =>
        {
            options.Logger = app.Services.GetRequiredService<Serilog.ILogger>();
            options.MessageTemplate = Line;
            options.GetLevel = (context, _, fault) =>
                fault is not null || context.Response.StatusCode >= 500 && context.Response.StatusCode != 503 ? LogEventLevel.Error
                : IsWork(context) ? LogEventLevel.Information : LogEventLevel.Debug;
            options.EnrichDiagnosticContext = (diagnostics, context) =>
            {
                diagnostics.Set("RequestId", RequestIds.Of(context));
                diagnostics.Set("Client", ClientIdentity.Of(context));
                diagnostics.Set("Path", context.Request.Path.ToUriComponent());          // escaped: a path cannot forge a line
                diagnostics.Set("Work", context.Features.Get<RequestWork>()?.ToString() ?? "");
            };
        });
    }
}
