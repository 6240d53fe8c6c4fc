using System.Text.Json.Nodes;
using LlamaVid.Server.Errors;
using LlamaVid.Server.OpenAi;
using Microsoft.AspNetCore.OpenApi;
using Microsoft.OpenApi;

namespace LlamaVid.Server.Composition;

/// <summary>What endpoints say about themselves in <c>/openapi/v1.json</c>. Bodies come from the tables that read them.</summary>
internal static class Documentation
{
    /// <summary>A route that reads one of these bodies and answers whole or as a stream.</summary>
    public static async Task GenerationAsync(
        OpenApiOperation operation, OpenApiOperationTransformerContext context,
        params (string ContentType, OpenApiSchema Schema, (string Name, string Json)[] Examples)[] bodies)
    {
        operation.RequestBody = new OpenApiRequestBody
        {
            Required = true,
            Content = bodies.ToDictionary(body => body.ContentType, body => new OpenApiMediaType { Schema = body.Schema, Examples = Examples(body.Examples) }),
        };
        var stream = new OpenApiMediaType { Schema = await context.GetOrCreateSchemaAsync(typeof(ChatCompletionChunk)) };
        if (operation.Responses?["200"] is OpenApiResponse { Content: { } answers })
            answers["text/event-stream"] = stream;
    }

    public static RouteHandlerBuilder ProducesErrors(this RouteHandlerBuilder route, params int[] statuses)
    {
        foreach (var status in statuses)
            route.Produces<ErrorResponse>(status);
        return route;
    }

    private static Dictionary<string, IOpenApiExample>? Examples((string Name, string Json)[] examples) => examples.Length == 0 ? null
        : examples.ToDictionary(example => example.Name, IOpenApiExample (example) => new OpenApiExample { Value = JsonNode.Parse(example.Json) });
}
