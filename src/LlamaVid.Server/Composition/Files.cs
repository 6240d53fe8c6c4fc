using LlamaVid.Media;
using LlamaVid.Server.Features.Files;
using LlamaVid.Server.Files;
using LlamaVid.Server.Hosting;
using Microsoft.Extensions.Options;

namespace LlamaVid.Server.Composition;

[OptionsValidator]
internal sealed partial class FilesOptionsValidator : IValidateOptions<FilesOptions>;

/// <summary>Clients' files and uploads, and that they go when their time is over.</summary>
internal static class FilesModule
{
    public static IServiceCollection AddFiles(this IServiceCollection services)
    {
        services.AddOptionsWithValidateOnStart<FilesOptions, FilesOptionsValidator>().BindConfiguration(FilesOptions.Section);
        services.AddSingleton(provider => new FileStore(
            provider.GetRequiredService<IOptions<FilesOptions>>().Value,
            provider.GetRequiredService<IOptions<MediaOptions>>().Value,
            provider.GetRequiredService<TimeProvider>()));
        services.AddSingleton(provider => new UploadStore(
            provider.GetRequiredService<FileStore>(),
            provider.GetRequiredService<IOptions<FilesOptions>>().Value,
            provider.GetRequiredService<IOptions<MediaOptions>>().Value,
            provider.GetRequiredService<TimeProvider>()));
        return services.AddHostedService<FileExpiry>().AddSingleton<FileForm>();
    }
}
