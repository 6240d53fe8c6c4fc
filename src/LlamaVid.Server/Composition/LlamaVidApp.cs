using LlamaVid.Server.Hosting;
using LlamaVid.Server.Security;

namespace LlamaVid.Server.Composition;

/// <summary>The whole server from its command line, ready to run. Tests start it the same way.</summary>
public static class LlamaVidApp
{
    /// <exception cref="StartupException">An option is unknown or invalid; the message says which, and the cure.</exception>
    public static WebApplication Build(params string[] args)
    {
        var builder = WebApplication.CreateBuilder(
            new WebApplicationOptions { ContentRootPath = AppContext.BaseDirectory, EnvironmentName = Environments.Production });
        builder.Configuration.Sources.Clear();
        builder.Configuration.AddSettings(args);
        Settings.RequireValid(builder.Configuration);
        Settings.RequireKeysOrLoopback(builder.Configuration);

        builder.WebHost.ConfigureKestrel(kestrel => RequestGuards.Limit(kestrel, builder.Configuration.GetSection(ServerOptions.Section).Get<ServerOptions>() ?? new()));
        builder.Services
            .AddObservability(builder.Configuration)
            .AddSecurity()
            .AddMedia()
            .AddFiles()
            .AddEngine()
            .AddEngineHost()
            .AddJobs(builder.Configuration)
            .AddOpenAiApi();

        var app = builder.Build();
        app.Use(RequestGuards.AnswerHeadAsync);
        app.UseRouting();
        app.UseObservability();
        app.UseErrors();
        app.UseSecurity();
        app.UseOpenAiApi();
        return app;
    }

    /// <summary>Runs until the process is told to stop, which may be before it listens. Throws what kept the model from being loaded.</summary>
    public static async Task RunToEndAsync(this WebApplication app)
    {
        var (host, lifetime) = (app.Services.GetRequiredService<EngineHost>(), app.Lifetime);
        try
        {
            await app.RunAsync();
        }
        catch (OperationCanceledException) when (lifetime.ApplicationStopping.IsCancellationRequested)
        {
            return;                                        // told to stop while it was starting
        }
        if (host.Failure is { } failure)
            throw failure;
    }
}
