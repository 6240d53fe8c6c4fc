using System.Text;
using System.Text.Json.Nodes;
using LlamaVid.Model.Text;
using LlamaVid.Server.Composition;
using LlamaVid.Server.Errors;
using LlamaVid.Server.Hosting;
using LlamaVid.Server.OpenAi;
using LlamaVid.Server.Requests;

namespace LlamaVid.Server.Features.Tokens;

/// <summary>POST /tokenize and /detokenize: text to the model's tokens and back, in the fields of vLLM and of llama.cpp.</summary>
internal static class TokensEndpoint
{
    public static void MapTokens(this IEndpointRouteBuilder routes)
    {
        routes.MapPost("/tokenize", TokenizeAsync)
            .WithName("Tokenize").WithTags("Tokens").WithSummary("Text to tokens")
            .WithDescription("A text, as `prompt` (vLLM) or `content` (llama.cpp, without special tokens unless asked for), or `messages` without media, as the model would read them.")
            .Produces<TokenizeAnswer>().ProducesErrors(400, 404, 413, 415, 500, 503)
            .AddOpenApiOperationTransformer((operation, _, _) =>
            {
                Documentation.Body(operation, TokenFields.Tokenize.Schema(),
                    ("A text", """{"prompt": "What happens in the video?"}"""),
                    ("A conversation", """{"messages": [{"role": "user", "content": "Say hello."}], "with_pieces": true}"""));
                return Task.CompletedTask;
            });
        routes.MapPost("/detokenize", DetokenizeAsync)
            .WithName("Detokenize").WithTags("Tokens").WithSummary("Tokens to text")
            .Produces<DetokenizeAnswer>().ProducesErrors(400, 404, 413, 415, 500, 503)
            .AddOpenApiOperationTransformer((operation, _, _) =>
            {
                Documentation.Body(operation, TokenFields.Detokenize.Schema(), ("Two tokens", """{"tokens": [5, 6]}"""));
                return Task.CompletedTask;
            });
    }

    private static async Task TokenizeAsync(HttpContext context, RequestReader reader, EngineHost engine)
    {
        var draft = new TokenizeDraft(reader.NewDraft());
        await RequestReader.ReadFieldsAsync(context.Request, TokenFields.Tokenize, draft, context.RequestAborted);
        RequireModel(draft.Model, engine);
        var tokenizer = engine.Engine.Tokenizer;
        var ids = Ids(draft, reader, engine);
        await context.Response.WriteAsJsonAsync(new TokenizeAnswer
        {
            Tokens = [.. ids.Select(id => draft.WithPieces ? new JsonObject { ["id"] = id, ["piece"] = Piece(tokenizer, id) } : (JsonNode)id)],
            Count = ids.Count,
            MaxModelLen = engine.Engine.Card!.ContextLength,
            TokenStrs = draft.WithTexts ? [.. ids.Select(tokenizer.TextOf)] : null,
        }, OpenAiJson.Wire.TokenizeAnswer, cancellationToken: context.RequestAborted);
    }

    private static async Task DetokenizeAsync(HttpContext context, EngineHost engine)
    {
        var draft = new DetokenizeDraft();
        await RequestReader.ReadFieldsAsync(context.Request, TokenFields.Detokenize, draft, context.RequestAborted);
        RequireModel(draft.Model, engine);
        var (tokenizer, size) = (engine.Engine.Tokenizer, engine.Engine.Tokenizer.VocabularySize);
        if (draft.Tokens.Find(id => id >= size) is > 0 and var unknown)
            throw new InvalidRequestException("tokens", $"'tokens' holds {unknown}; this model has the tokens 0 to {size - 1}.");
        var text = tokenizer.Decode(draft.Tokens, skipSpecialTokens: false);
        await context.Response.WriteAsJsonAsync(new DetokenizeAnswer(text, text), OpenAiJson.Wire.DetokenizeAnswer, cancellationToken: context.RequestAborted);
    }

    private static IReadOnlyList<int> Ids(TokenizeDraft draft, RequestReader reader, EngineHost engine)
    {
        if (draft.Chat.Messages.Count > 0 == draft.Text is not null)
            throw new InvalidRequestException("prompt", "Send one of prompt, content and messages.", InvalidRequestException.MissingField);
        var tokenizer = engine.Engine.Tokenizer;
        if (draft.Text is { } text)
        {
            var ids = tokenizer.Encode(text);
            return (draft.AddSpecial ?? draft.TextPath == "prompt") || ids is not [var first, ..] || first != tokenizer.BosId ? ids : [.. ids.Skip(1)];
        }
        var request = reader.Finish(draft.Chat).Generation;
        if (request.Media.Count > 0)
            throw InvalidRequestException.NotSupported("messages", "'messages' hold videos or pictures; POST /v1/estimate counts what they take.");
        return engine.Engine.PromptOf(request.Turns, request.Prompt);
    }

    /// <summary>As llama.cpp has it: a text, or the bytes of a token that is no whole character.</summary>
    private static JsonNode Piece(LlamaTokenizer tokenizer, int id)
    {
        var bytes = tokenizer.BytesOf(id);
        try
        {
            return new UTF8Encoding(false, throwOnInvalidBytes: true).GetString(bytes);
        }
        catch (DecoderFallbackException)
        {
            return new JsonArray([.. bytes.Select(value => (JsonNode)(int)value)]);
        }
    }

    private static void RequireModel(string? model, EngineHost engine)
    {
        if (model is not null && model != engine.ModelName)
            throw new ModelNotFoundException(model, engine.ModelName);
    }
}
