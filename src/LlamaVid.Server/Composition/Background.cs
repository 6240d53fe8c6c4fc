using LlamaVid.Media;
using LlamaVid.Server.Jobs;
using LlamaVid.Server.Jobs.Batches;
using Microsoft.Extensions.Options;

namespace LlamaVid.Server.Composition;

[OptionsValidator]
internal sealed partial class JobOptionsValidator : IValidateOptions<JobOptions>;

/// <summary>Work that outlives its connection and its process, where there is a folder for it.</summary>
internal static class Background
{
    public static IServiceCollection AddJobs(this IServiceCollection services, IConfiguration configuration)
    {
        services.AddOptionsWithValidateOnStart<JobOptions, JobOptionsValidator>().BindConfiguration(JobOptions.Section);
        services.AddSingleton<BackgroundAnswering>().AddSingleton<JobViews>()
            .AddSingleton(provider => new GuardedHttp(provider.GetRequiredService<IOptions<MediaOptions>>().Value));
        if (configuration.GetSection(JobOptions.Section)[nameof(JobOptions.Path)] is { Length: > 0 })
            services.AddSingleton<BackgroundRun>().AddSingleton<JobFiles>().AddSingleton<NamedFiles>().AddSingleton<JobRoom>().AddSingleton<JobBoard>().AddHostedService<JobRunner>().AddHostedService<WebhookSender>()
                .AddSingleton<BatchBoard>().AddHostedService<BatchRunner>();
        return services;
    }
}
