using LlamaVid.Engine;
using LlamaVid.Media;
using LlamaVid.Model;
using LlamaVid.Server.Hosting;
using LlamaVid.Server.Telemetry;
using Microsoft.Extensions.Options;

namespace LlamaVid.Server.Composition;

[OptionsValidator]
internal sealed partial class ModelOptionsValidator : IValidateOptions<ModelOptions>;

[OptionsValidator]
internal sealed partial class EngineOptionsValidator : IValidateOptions<EngineOptions>;

/// <summary>The checkpoint, the engine that runs it, and the engine's life.</summary>
internal static class EngineModule
{
    public static IServiceCollection AddEngine(this IServiceCollection services)
    {
        services.AddOptionsWithValidateOnStart<ModelOptions, ModelOptionsValidator>().BindConfiguration(ModelOptions.Section);
        services.PostConfigure<ModelOptions>(options =>        // an option that is set to nothing is not set
        {
            options.VisionTower = NullIfEmpty(options.VisionTower);
            options.TextTokenizer = NullIfEmpty(options.TextTokenizer);
            options.ImageProcessor = NullIfEmpty(options.ImageProcessor);
        });
        services.AddOptionsWithValidateOnStart<EngineOptions, EngineOptionsValidator>().BindConfiguration(EngineOptions.Section);
        services.AddSingleton(provider =>
        {
            var time = provider.GetRequiredService<TimeProvider>();
            var engine = new GenerationEngine(
                provider.GetRequiredService<IOptions<ModelOptions>>().Value,
                provider.GetRequiredService<IOptions<EngineOptions>>().Value,
                provider.GetRequiredService<MediaOpener>(),
                time,
                provider.GetRequiredService<ILogger<GenerationEngine>>());
            provider.GetService<ServerMetrics>()?.Watch(engine, time);       // the command line counts nothing
            return engine;
        });
        services.AddSingleton(TimeProvider.System);
        return services;
    }

    /// <summary>Ties the engine's life to the process's: loaded when the socket is open, stopped with it.</summary>
    public static IServiceCollection AddEngineHost(this IServiceCollection services)
    {
        services.AddOptions<HostOptions>().Configure<IOptions<ServerOptions>>((host, server) => host.ShutdownTimeout = server.Value.ShutdownGrace + TimeSpan.FromSeconds(10));
        services.AddSingleton<EngineHost>().AddHostedService(provider => provider.GetRequiredService<EngineHost>());
        return services;
    }

    private static string? NullIfEmpty(string? text) => string.IsNullOrWhiteSpace(text) ? null : text;
}
