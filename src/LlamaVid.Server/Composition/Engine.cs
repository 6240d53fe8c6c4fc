using LlamaVid.Engine;
using LlamaVid.Model;
using LlamaVid.Server.Hosting;
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
        services.AddOptionsWithValidateOnStart<EngineOptions, EngineOptionsValidator>().BindConfiguration(EngineOptions.Section);
        services.AddSingleton<Func<GenerationEngine>>(provider => () => new GenerationEngine());
        services.AddSingleton<EngineHost>().AddHostedService(provider => provider.GetRequiredService<EngineHost>());
        return services;
    }
}
