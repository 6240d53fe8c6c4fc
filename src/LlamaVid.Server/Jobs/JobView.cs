using System.ComponentModel;
using System.Text.Json;
using System.Text.Json.Serialization;
using LlamaVid.Engine;
using LlamaVid.Server.Answers;
using LlamaVid.Server.OpenAi;
using Microsoft.Extensions.Options;

namespace LlamaVid.Server.Jobs;

/// <summary>A job as clients see it.</summary>
internal sealed record JobView(string Id)
{
    /// <summary>A status as clients and metrics have it.</summary>
    public static string Name(JobStatus status) => status.ToString().ToLowerInvariant();

    public string Object { get; } = "job";
    [Description("queued, running, completed, failed or cancelled.")]
    public required string Status { get; init; }
    [Description("The route that took the request; the result has its form.")]
    public required string Endpoint { get; init; }
    [Description("Unix time, as the other times.")]
    public required long CreatedAt { get; init; }
    public long? StartedAt { get; init; }
    public long? EndedAt { get; init; }
    [Description("When it will be removed.")]
    public long? ExpiresAt { get; init; }
    [Description("How often it was begun; more than once when the server ended under it.")]
    public required int Attempts { get; init; }
    [Description("Requests that the engine takes before this one.")]
    public int? QueuePosition { get; init; }
    public StageProgress? Progress { get; init; }
    [Description("How far the message about the job's end has come.")]
    public WebhookView? Webhook { get; init; }
    [Description("The chat completion, once completed.")]
    public JsonElement? Result { get; init; }
    [Description("What kept it from being completed: message, type, param, code.")]
    public JsonElement? Error { get; init; }
}

internal sealed record WebhookView([property: Description("pending, delivered or failed.")] string Status, int Attempts);

internal sealed record JobPage(
    IReadOnlyList<JobView> Data,
    [property: JsonIgnore(Condition = JsonIgnoreCondition.Never)] string? FirstId,
    [property: Description("Give it as `after` to see the next page."), JsonIgnore(Condition = JsonIgnoreCondition.Never)] string? LastId,
    bool HasMore)
{
    public string Object { get; } = "list";
}

internal sealed record JobRemoved(string Id)
{
    public string Object { get; } = "job";
    public bool Deleted { get; } = true;
}

/// <summary>Shows jobs to clients.</summary>
internal sealed class JobViews(IOptions<JobOptions> options)
{
    public JobView Of(JobEntry job, GenerationEvent? progress, JobOutcome? outcome) => new(job.Id)
    {
        Status = JobView.Name(job.Status),
        Endpoint = job.Endpoint,
        CreatedAt = job.Created.ToUnixTimeSeconds(),
        StartedAt = job.Started?.ToUnixTimeSeconds(),
        EndedAt = job.Ended?.ToUnixTimeSeconds(),
        ExpiresAt = job.Ended is { } ended ? (ended + options.Value.KeepResults).ToUnixTimeSeconds() : null,
        Attempts = job.Attempts,
        QueuePosition = (progress as GenerationEvent.Queued)?.Position,
        Progress = progress is GenerationEvent.Progress step ? AnswerBuilder.Wire(step) : null,
        Webhook = job.Webhook is { } webhook ? new(webhook.Status, webhook.Attempts) : null,
        Result = outcome?.Result is { } result ? JsonElement.Parse(result) : null,
        Error = outcome?.Error is { } error ? JsonElement.Parse(error) : null,
    };
}
