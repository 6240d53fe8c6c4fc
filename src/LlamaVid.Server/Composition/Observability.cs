using System.Reflection;
using LlamaVid.Server.Answers;
using LlamaVid.Server.Requests;
using Serilog;
using Serilog.Core;
using Serilog.Debugging;
using Serilog.Events;

namespace LlamaVid.Server.Composition;

/// <summary>The log: one line per request with its id, timing, frames and tokens. Never contents.</summary>
internal static class Observability
{
    private const string Line = "{RequestId} {RequestMethod} {Path} {StatusCode} in {Elapsed:0} ms{Work:l}";

    private static readonly Lock SelfLogIsOurs = new();     // there is one in the process

    public static IServiceCollection AddObservability(this IServiceCollection services, IConfiguration configuration) =>
        services.AddSerilog(CreateLogger(configuration), dispose: true);

    /// <summary>A sink that is unknown or cannot be opened is left out by Serilog, which says so to its own log only.</summary>
    private static Logger CreateLogger(IConfiguration configuration)
    {
        lock (SelfLogIsOurs)
        {
            var complaints = new List<string>();
            SelfLog.Enable(complaints.Add);
            try
            {
                var logger = new LoggerConfiguration().ReadFrom.Configuration(configuration).CreateLogger();
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
