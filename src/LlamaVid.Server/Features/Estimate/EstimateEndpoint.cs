using LlamaVid.Engine;
using LlamaVid.Server.Composition;
using LlamaVid.Server.Errors;
using LlamaVid.Server.Features.ChatCompletions;
using LlamaVid.Server.Files;
using LlamaVid.Server.Hosting;
using LlamaVid.Server.OpenAi;
using LlamaVid.Server.Requests;

namespace LlamaVid.Server.Features.Estimate;

/// <summary>POST /v1/estimate: what a chat request would need, and what would refuse it, without running it.</summary>
internal static class EstimateEndpoint
{
    public static void MapEstimate(this IEndpointRouteBuilder routes) =>
        routes.MapPost("/v1/estimate", HandleAsync)
            .WithName("Estimate")
            .WithTags("Chat")
            .WithSummary("What a chat request would need")
            .WithDescription(
                "The body of /v1/chat/completions. Media are fetched and looked into, not decoded. A body that is wrong is refused as there; what would be refused " +
                "because of its media, its size or the line is answered with `fits` false and the `refusal`.")
            .Produces<EstimateAnswer>()
            .ProducesErrors(400, 404, 408, 413, 415, 500, 503, 507)
            .AddOpenApiOperationTransformer((operation, _, _) =>
            {
                Documentation.Body(operation, RequestReader.ChatFields.Schema(), ChatExamples.All);
                return Task.CompletedTask;
            });

    private static async Task HandleAsync(HttpContext context, RequestReader reader, FileStore store, EngineHost engine)
    {
        using var files = store.For(context);
        var draft = reader.NewEstimate(files);
        await RequestReader.ReadAsync(context.Request, RequestReader.ChatFields, draft, context.RequestAborted);
        var request = reader.Finish(draft);
        if (request.Model is { } model && model != engine.ModelName)
            throw new ModelNotFoundException(model, engine.ModelName);
        var estimate = draft.Limits.Text.Refusal is { } tooLong
            ? new([], null, null, null, engine.Engine.Waiting, tooLong)
            : await engine.Engine.EstimateAsync(request.Generation, context.RequestAborted);
        var answer = Answer(estimate, request.Generation.Choices, request.Answer.MediaPath, engine, context);
        await context.Response.WriteAsJsonAsync(answer, OpenAiJson.Wire.EstimateAnswer, cancellationToken: context.RequestAborted);
    }

    private static EstimateAnswer Answer(RequestEstimate estimate, int choices, string? mediaPath, EngineHost engine, HttpContext context)
    {
        var card = engine.Engine.Card!;
        return new()
        {
            Model = engine.ModelName,
            Fits = estimate.Refusal is null,
            Refusal = estimate.Refusal is { } fault ? Refusal(fault, mediaPath, context) : null,
            Frames = estimate.Media.Sum(item => item.Frames),
            Media = [.. estimate.Media.Select(item => new EstimatedMedia(
                item.Kind == MediaKind.Video ? "video" : "image", item.Frames, item.Tokens, item.Duration, item.FramesPerSecond, item.Width, item.Height, card.TokensPerFrame, item.IsKnown ? "hit" : "miss",
                SubtitleUse.Of(item.Subtitles)))],
            PromptTokens = estimate.PromptPositions,
            VideoTokens = estimate.Media.Sum(item => item.Tokens),
            MaxTokens = estimate.AnswerTokens,
            N = choices,
            MaxModelLen = card.ContextLength,
            KvBytes = estimate.KvBytes,
            QueuePosition = estimate.Waiting,
        };
    }

    private static Refusal Refusal(Exception fault, string? mediaPath, HttpContext context)
    {
        var (status, error) = ErrorMap.Map(fault, RequestIds.Of(context), mediaPath);
        return status < 500 || status == StatusCodes.Status503ServiceUnavailable ? new(status, error) : throw fault;
    }
}
