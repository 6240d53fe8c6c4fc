using LlamaVid.Media;
using LlamaVid.Server.Telemetry;
using Microsoft.Extensions.Options;

namespace LlamaVid.Server.Composition;

[OptionsValidator]
internal sealed partial class MediaOptionsValidator : IValidateOptions<MediaOptions>;

/// <summary>Where videos come from and how large they may be.</summary>
internal static class MediaModule
{
    public static IServiceCollection AddMedia(this IServiceCollection services)
    {
        services.AddOptionsWithValidateOnStart<MediaOptions, MediaOptionsValidator>().BindConfiguration(MediaOptions.Section);
        return services.AddSingleton(provider =>
        {
            var opener = new MediaOpener(provider.GetRequiredService<IOptions<MediaOptions>>().Value, provider.GetRequiredService<ILogger<MediaOpener>>());
            provider.GetService<ServerMetrics>()?.Watch(opener);             // the command line counts nothing
            return opener;
        });
    }
}
