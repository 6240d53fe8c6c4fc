using LlamaVid.Server.Answers;
using LlamaVid.Server.Composition;
using LlamaVid.Server.Files;
using LlamaVid.Server.Jobs;
using LlamaVid.Server.OpenAi;
using LlamaVid.Server.Requests;

namespace LlamaVid.Server.Features.ChatCompletions;

/// <summary>POST /v1/chat/completions: a conversation about videos, pictures or nothing but text, continued whole or as a stream.</summary>
internal static class ChatCompletionsEndpoint
{
    public const string Route = "/v1/chat/completions";

    public static void MapChatCompletions(this IEndpointRouteBuilder routes) =>
        routes.MapPost(Route, HandleAsync)
            .WithName("CreateChatCompletion")
            .WithTags("Chat")
            .WithSummary("Continue a conversation about videos")
            .WithDescription(
                "OpenAI's chat completions with video. With `stream`, the answer is `text/event-stream`: chunks of `chat.completion.chunk`, then `data: [DONE]`.")
            .Produces<ChatCompletion>()
            .Produces<JobView>(StatusCodes.Status202Accepted)
            .ProducesErrors(400, 404, 408, 413, 415, 422, 500, 503, 507)
            .AddOpenApiOperationTransformer((operation, context, _) => Documentation.GenerationAsync(operation, context,
                ("application/json", RequestReader.ChatFields.Schema(), ChatExamples.All)));

    private static async Task HandleAsync(HttpContext context, RequestReader reader, FileStore store, Answering answering)
    {
        using var files = store.For(context);
        var draft = reader.NewDraft(files);
        await RequestReader.ReadAsync(context.Request, RequestReader.ChatFields, draft, context.RequestAborted);
        await answering.WriteAsync(context, reader.Finish(draft), isAsk: false);
    }
}
