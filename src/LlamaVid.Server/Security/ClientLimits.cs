using System.Globalization;
using System.Threading.RateLimiting;
using LlamaVid.Server.Errors;
using LlamaVid.Server.Requests;
using Microsoft.AspNetCore.RateLimiting;

namespace LlamaVid.Server.Security;

/// <summary>A key's pace and its requests at a time, held before a body is read. Callers without a key are limited by the engine's line alone.</summary>
internal static class ClientLimits
{
    private static readonly TimeSpan Soon = TimeSpan.FromSeconds(1);

    public static void Configure(RateLimiterOptions options)
    {
        options.GlobalLimiter = PartitionedRateLimiter.CreateChained(PartitionedRateLimiter.Create<HttpContext, (string, int)>(Concurrency), PartitionedRateLimiter.Create<HttpContext, (string, int)>(Pace));
        options.OnRejected = RefuseAsync;
    }

    // The limit is part of a partition's name: a key whose limit changes begins anew.
    private static RateLimitPartition<(string, int)> Pace(HttpContext context) =>
        ClientIdentity.KeyOf(context) is { RequestsPerMinute: > 0 } key
            ? RateLimitPartition.GetTokenBucketLimiter((key.Name, key.RequestsPerMinute), static limit => new()
            {
                TokenLimit = limit.Item2,
                TokensPerPeriod = Math.Max(1, limit.Item2 / 60),
                ReplenishmentPeriod = TimeSpan.FromMinutes(Math.Max(1, limit.Item2 / 60)) / limit.Item2,
                QueueLimit = 0,
            })
            : RateLimitPartition.GetNoLimiter(("", 0));

    private static RateLimitPartition<(string, int)> Concurrency(HttpContext context) =>
        ClientIdentity.KeyOf(context) is { MaxConcurrent: > 0 } key
            ? RateLimitPartition.GetConcurrencyLimiter((key.Name, key.MaxConcurrent), static limit => new() { PermitLimit = limit.Item2, QueueLimit = 0 })
            : RateLimitPartition.GetNoLimiter(("", 0));

    private static async ValueTask RefuseAsync(OnRejectedContext rejected, CancellationToken cancellationToken)
    {
        var (context, key) = (rejected.HttpContext, ClientIdentity.KeyOf(rejected.HttpContext)!);
        var isPace = rejected.Lease.TryGetMetadata(MetadataName.RetryAfter, out var wait);
        var seconds = Math.Ceiling((isPace ? wait : Soon).TotalSeconds);
        context.Response.Headers.RetryAfter = Math.Max(1, seconds).ToString(CultureInfo.InvariantCulture);
        var refusal = isPace ? ClientLimitException.OfPace(key.RequestsPerMinute) : ClientLimitException.OfConcurrency(key.MaxConcurrent);
        var (status, error) = ErrorMap.Map(refusal, RequestIds.Of(context));
        await OpenAiExceptionHandler.WriteAsync(context, status, error, cancellationToken);
    }
}
