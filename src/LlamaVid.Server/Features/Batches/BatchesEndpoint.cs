using System.ComponentModel;
using System.Text.Json;
using System.Text.Json.Nodes;
using System.Text.Json.Serialization;
using LlamaVid.Server.Composition;
using LlamaVid.Server.Features.ChatCompletions;
using LlamaVid.Server.Jobs;
using LlamaVid.Server.Jobs.Batches;
using LlamaVid.Server.OpenAi;
using LlamaVid.Server.Requests;
using LlamaVid.Server.Security;
using Microsoft.OpenApi;

namespace LlamaVid.Server.Features.Batches;

/// <summary>/v1/batches: OpenAI's batches over an uploaded file of requests. Each owner sees its own.</summary>
internal static class BatchesEndpoint
{
    private const int MostPerPage = 100, MostMetadata = 16, LongestMetadata = 512;

    private static readonly FieldTable<BatchDraft> Fields = new(
        Field.Text<BatchDraft>("input_file_id", "A file of JSON Lines, uploaded with purpose batch: custom_id, method, url and body on each line.", (draft, id) => draft.InputFile = id, required: true),
        new Field<BatchDraft>("endpoint", "Where the requests go.", () => new() { Type = JsonSchemaType.String, Enum = [JsonValue.Create(ChatCompletionsEndpoint.Route)] },
            (_, value) => value.Choice(new Dictionary<string, bool> { [ChatCompletionsEndpoint.Route] = true }), Required: true),
        new Field<BatchDraft>("completion_window", "How long the batch may take.", () => new() { Type = JsonSchemaType.String, Enum = [JsonValue.Create("24h")] },
            (_, value) => value.Choice(new Dictionary<string, bool> { ["24h"] = true }), Required: true),
        new Field<BatchDraft>("metadata", "Up to 16 texts of your own, by names of your own.", () => new() { Type = JsonSchemaType.Object }, (draft, value) => draft.Metadata = Metadata(value)));

    public static void MapBatches(this IEndpointRouteBuilder routes)
    {
        var batches = routes.MapGroup("/v1/batches").WithTags("Batches");
        batches.MapPost("", CreateAsync).WithName("CreateBatch").WithSummary("Answer many requests of one file, when nobody else wants anything")
            .WithDescription("A line that is wrong becomes a line of the error file. What has been answered stays answered when the server is restarted.")
            .Produces<BatchObject>().ProducesErrors(400, 404, 413, 415, 429, 503, 507)
            .AddOpenApiOperationTransformer((operation, _, _) => Documentation.Body(operation, ("application/json", Fields.Schema(),
                [("A batch", """{"input_file_id": "file-…", "endpoint": "/v1/chat/completions", "completion_window": "24h"}""")])));
        batches.MapGet("", (HttpContext context, BackgroundAnswering background, string? after, string? limit) =>
            {
                Query.Allow(context, "after", "limit");
                var count = Query.Integer("limit", limit, 1, MostPerPage, 20);
                var found = background.Batches.Page(ClientIdentity.Of(context), Query.After(after, "batch_"), count + 1);
                BatchObject[] shown = [.. found.Take(count).Select(batch => Of(background, batch))];
                return TypedResults.Json(new BatchList(shown, shown.FirstOrDefault()?.Id, shown.LastOrDefault()?.Id, found.Count > count), OpenAiJson.Wire.BatchList);
            })
            .WithName("ListBatches").WithSummary("Your batches, newest first").Produces<BatchList>().ProducesErrors(400, 404);
        batches.MapGet("/{id}", (HttpContext context, string id, BackgroundAnswering background) =>
                TypedResults.Json(Of(background, background.Batches.Find(ClientIdentity.Of(context), id)), OpenAiJson.Wire.BatchObject))
            .WithName("RetrieveBatch").WithSummary("One batch").Produces<BatchObject>().ProducesErrors(400, 404);
        batches.MapPost("/{id}/cancel", (HttpContext context, string id, BackgroundAnswering background) =>
                TypedResults.Json(Of(background, background.Batches.Cancel(ClientIdentity.Of(context), id)), OpenAiJson.Wire.BatchObject))
            .WithName("CancelBatch").WithSummary("Begin no further line").WithDescription("What has been answered becomes its files.")
            .Produces<BatchObject>().ProducesErrors(400, 404, 507);
    }

    private static async Task CreateAsync(HttpContext context, BackgroundAnswering background)
    {
        var draft = new BatchDraft();
        await RequestReader.ReadFieldsAsync(context.Request, Fields, draft, context.RequestAborted);
        background.RefuseUnlessOpen();
        var batch = await background.Batches.AcceptAsync(ClientIdentity.Of(context), draft.InputFile, draft.Metadata, context.RequestAborted);
        await context.Response.WriteAsJsonAsync(Of(background, batch), OpenAiJson.Wire.BatchObject, cancellationToken: context.RequestAborted);
    }

    private static BatchObject Of(BackgroundAnswering background, BatchEntry batch)
    {
        var (counts, ended) = (background.Batches.Table.Counts(batch.Id), batch.Ended?.ToUnixTimeSeconds());
        return new(batch.Id)
        {
            Status = JsonNamingPolicy.SnakeCaseLower.ConvertName(batch.Status.ToString()),
            InputFileId = batch.InputFile,
            OutputFileId = batch.OutputFile,
            ErrorFileId = batch.ErrorFile,
            Errors = batch.Fault is { } fault ? new([JsonElement.Parse(fault)]) : null,
            CreatedAt = batch.Created.ToUnixTimeSeconds(),
            InProgressAt = batch.Began?.ToUnixTimeSeconds(),
            ExpiresAt = batch.Expires.ToUnixTimeSeconds(),
            CompletedAt = batch.Status == BatchStatus.Completed ? ended : null,
            FailedAt = batch.Status == BatchStatus.Failed ? ended : null,
            ExpiredAt = batch.Status == BatchStatus.Expired ? ended : null,
            CancelledAt = batch.Status == BatchStatus.Cancelled ? ended : null,
            RequestCounts = new(batch.Total, counts.Completed, counts.Failed),
            Metadata = JsonElement.Parse(batch.Metadata),
        };
    }

    private static string Metadata(JsonCursor value)
    {
        var count = 0;
        foreach (var (name, text) in value.Fields())
        {
            if (++count > MostMetadata) throw new InvalidRequestException(value.Path, $"'{value.Path}' has more than {MostMetadata} entries.");
            if (name.Length > 64 || text.Text().Length > LongestMetadata)
                throw new InvalidRequestException(value.Path, $"An entry of '{value.Path}' is too long: names have up to 64 characters, texts up to {LongestMetadata}.");
        }
        return value.Element.GetRawText();
    }

    private sealed class BatchDraft
    {
        public string InputFile { get; set; } = "";
        public string Metadata { get; set; } = "{}";
    }
}

internal sealed record BatchObject(string Id)
{
    public string Object { get; } = "batch";
    public string Endpoint { get; } = ChatCompletionsEndpoint.Route;
    public BatchFaults? Errors { get; init; }
    public required string InputFileId { get; init; }
    public string CompletionWindow { get; } = "24h";
    [Description("validating, in_progress, finalizing, completed, failed, expired, cancelling or cancelled.")]
    public required string Status { get; init; }
    [Description("The answers, one line each; its content is at /v1/files/{id}/content.")]
    public string? OutputFileId { get; init; }
    [Description("The lines that were not answered, with their errors.")]
    public string? ErrorFileId { get; init; }
    public required long CreatedAt { get; init; }
    public long? InProgressAt { get; init; }
    public required long ExpiresAt { get; init; }
    public long? CompletedAt { get; init; }
    public long? FailedAt { get; init; }
    public long? ExpiredAt { get; init; }
    public long? CancelledAt { get; init; }
    public required BatchRequestCounts RequestCounts { get; init; }
    public JsonElement Metadata { get; init; }
}

internal sealed record BatchRequestCounts(int Total, int Completed, int Failed);

internal sealed record BatchFaults(IReadOnlyList<JsonElement> Data)
{
    public string Object { get; } = "list";
}

internal sealed record BatchList(
    IReadOnlyList<BatchObject> Data, [property: JsonIgnore(Condition = JsonIgnoreCondition.Never)] string? FirstId,
    [property: JsonIgnore(Condition = JsonIgnoreCondition.Never)] string? LastId, bool HasMore)
{
    public string Object { get; } = "list";
}
