using LlamaVid.Server.Answers;
using LlamaVid.Server.Composition;
using LlamaVid.Server.Errors;
using LlamaVid.Server.Files;
using LlamaVid.Server.Jobs;
using LlamaVid.Server.OpenAi;
using LlamaVid.Server.Requests;

namespace LlamaVid.Server.Features.Ask;

/// <summary>POST /v1/ask: one video or picture and one question, as a form with a file or as JSON.</summary>
internal static class AskEndpoint
{
    public const string Route = "/v1/ask";

    public static void MapAsk(this IEndpointRouteBuilder routes) =>
        routes.MapPost(Route, HandleAsync)
            .WithName("Ask")
            .WithTags("Ask")
            .WithSummary("Ask one question about a video")
            .WithDescription(
                "A form with a file, or JSON with an address or the id of a file. Answers the chat completion's object with the text as `answer`; with `stream`, the same events as chat completions.")
            .Produces<ChatCompletion>()
            .Produces<JobView>(StatusCodes.Status202Accepted)
            .ProducesErrors(400, 404, 408, 413, 415, 422, 500, 503, 507)
            .AddOpenApiOperationTransformer((operation, context, _) => Documentation.GenerationAsync(operation, context,
                ("multipart/form-data", AskFields.FormSchema(), []),
                ("application/json", AskFields.Json.Schema(), AskFields.Examples)));

    private static async Task HandleAsync(HttpContext context, RequestReader reader, FileStore store, AskForm form, Answering answering)
    {
        using var files = store.For(context);
        var draft = reader.NewDraft(files);
        draft.Question = "";
        if (!MultipartForm.IsSent(context.Request))
        {
            if (!context.Request.HasJsonContentType())
                throw new UnsupportedContentTypeException(context.Request.ContentType, "multipart/form-data or application/json");
            await RequestReader.ReadAsync(context.Request, AskFields.Json, draft, context.RequestAborted);
            await answering.WriteAsync(context, reader.Finish(draft), isAsk: true);
            return;
        }
        using var upload = await form.ReadAsync(context, draft, context.RequestAborted);
        await answering.WriteAsync(context, reader.Finish(draft), isAsk: true);
    }
}
