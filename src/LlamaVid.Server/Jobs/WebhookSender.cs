using System.Net;
using System.Net.Http.Headers;
using System.Text;
using System.Text.Json;
using LlamaVid.Media;
using LlamaVid.Server.OpenAi;
using LlamaVid.Server.Telemetry;
using Microsoft.Data.Sqlite;
using Microsoft.Extensions.Options;

namespace LlamaVid.Server.Jobs;

/// <summary>Tells the ends of jobs to those who asked to be told: at least once, again with growing pauses until it is heard or given up.</summary>
internal sealed class WebhookSender(
    JobBoard board, JobViews views, GuardedHttp http, IOptions<JobOptions> options, ServerMetrics metrics, TimeProvider time, ILogger<WebhookSender> logger) : BackgroundService
{
    private const int Together = 8, Growth = 4;

    private static readonly TimeSpan LongestPause = TimeSpan.FromMinutes(1);

    protected override async Task ExecuteAsync(CancellationToken stoppingToken)
    {
        while (true)
        {
            try
            {
                await TellDueAsync(stoppingToken);
            }
            catch (SqliteException fault)                                   // a full disk: what was heard is not written down, so it may be told again
            {
                Log.JobsCannotBeKept(logger, fault);
                await Task.Delay(options.Value.WebhookDelay * Growth * Growth, time, stoppingToken);
            }
        }
    }

    private async Task TellDueAsync(CancellationToken stopping)
    {
        var (due, next) = board.DueWebhooks();
        await Parallel.ForEachAsync(due, new ParallelOptions { MaxDegreeOfParallelism = Together, CancellationToken = stopping }, TellAsync);
        if (due.Count > 0) return;
        var pause = next is { } then ? then - time.GetUtcNow() : LongestPause;
        await board.WaitForWebhookAsync(pause < LongestPause ? pause > TimeSpan.Zero ? pause : TimeSpan.Zero : LongestPause, stopping);
    }

    private async ValueTask TellAsync(DueWebhook webhook, CancellationToken stopping)
    {
        var tries = webhook.Tries + 1;
        var answer = await SendAsync(webhook, stopping);
        if (answer is HttpStatusCode status && (int)status is >= 200 and < 300)
        {
            board.SettleWebhook(webhook.Job.Id, tries, "delivered");
            metrics.Jobs.Webhooks.WithLabels("delivered").Inc();
            return;
        }
        Log.WebhookNotHeard(logger, webhook.Job.Id, tries, answer is null ? "no answer" : $"status {(int)answer}");
        var isOver = tries >= options.Value.WebhookAttempts || answer == HttpStatusCode.Gone;
        metrics.Jobs.Webhooks.WithLabels(isOver ? "failed" : "retried").Inc();
        if (isOver)
            board.SettleWebhook(webhook.Job.Id, tries, "failed");
        else
            board.PutOffWebhook(webhook.Job.Id, tries, time.GetUtcNow() + options.Value.WebhookDelay * Math.Pow(Growth, tries - 1));
    }

    /// <returns>Null when there was no answer.</returns>
    private async Task<HttpStatusCode?> SendAsync(DueWebhook webhook, CancellationToken stopping)
    {
        var (id, timestamp) = (webhook.Job.Id, time.GetUtcNow().ToUnixTimeSeconds());
        var message = new WebhookMessage(
            $"job.{webhook.Job.Status.ToString().ToLowerInvariant()}", webhook.Job.Ended!.Value, views.Of(webhook.Job with { Webhook = null }, null, board.Outcome(id)));
        var body = JsonSerializer.Serialize(message, OpenAiJson.Wire.WebhookMessage);
        using var request = new HttpRequestMessage(HttpMethod.Post, webhook.Url)
        {
            Content = new StringContent(body, Encoding.UTF8, new MediaTypeHeaderValue("application/json")),
            Headers = { { "webhook-id", id }, { "webhook-timestamp", $"{timestamp}" } },
        };
        if (webhook.Secret is { } secret)
            request.Headers.Add("webhook-signature", Webhook.Sign(secret, id, timestamp, body));
        using var patience = CancellationTokenSource.CreateLinkedTokenSource(stopping);
        patience.CancelAfter(options.Value.WebhookTimeout);
        try
        {
            using var response = await http.SendAsync(request, patience.Token);
            return response.StatusCode;
        }
        catch (Exception fault) when (fault is HttpRequestException or AddressRefusedException or IOException
            || fault is OperationCanceledException && !stopping.IsCancellationRequested)
        {
            return null;
        }
    }
}

/// <summary>What is told of a job's end.</summary>
internal sealed record WebhookMessage(string Type, DateTimeOffset Timestamp, JobView Data);
