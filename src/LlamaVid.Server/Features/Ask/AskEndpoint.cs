using LlamaVid.Server.Answers;
using LlamaVid.Server.Composition;
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
                "A form with a file, or JSON with an address. Answers the chat completion's object with the text as `answer`; with `stream`, the same events as chat completions.")
            .Produces<ChatCompletion>()
            .Produces<JobView>(StatusCodes.Status202Accepted)
            .ProducesErrors(400, 404, 408, 413, 415, 422, 500, 503)
            .AddOpenApiOperationTransformer((operation, context, _) => Documentation.GenerationAsync(operation, context,
                ("multipart/form-data", AskFields.FormSchema(), []),
                ("application/json", AskFields.Json.Schema(), AskFields.Examples)));

    private static async Task HandleAsync(HttpContext context, RequestReader reader, AskForm forms, Answering answering)
    {
        var draft = reader.NewDraft();
        draft.Question = "";
        if (!AskForm.Reads(context.Request))
        {
            await RequestReader.ReadAsync(context.Request, AskFields.Json, draft, context.RequestAborted);
            await answering.WriteAsync(context, reader.Finish(draft), isAsk: true);
            return;
        }
        using var upload = await forms.ReadAsync(context, draft, context.RequestAborted);
        await answering.WriteAsync(context, reader.Finish(draft), isAsk: true);
    }
}
