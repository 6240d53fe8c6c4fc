using System.Text.Json.Nodes;
using LlamaVid.Server.Errors;
using LlamaVid.Server.OpenAi;
using Microsoft.AspNetCore.Authorization;
using Microsoft.AspNetCore.OpenApi;
using Microsoft.OpenApi;

namespace LlamaVid.Server.Composition;

/// <summary>What endpoints say about themselves in <c>/openapi/v1.json</c>. Bodies come from the tables that read them.</summary>
internal static class Documentation
{
    private const string SchemeName = "key";

    /// <summary>A route that reads one of these bodies and answers whole or as a stream.</summary>
    public static async Task GenerationAsync(
        OpenApiOperation operation, OpenApiOperationTransformerContext context,
        params (string ContentType, OpenApiSchema Schema, (string Name, string Json)[] Examples)[] bodies)
    {
        await Body(operation, bodies);
        var stream = new OpenApiMediaType { Schema = await context.GetOrCreateSchemaAsync(typeof(ChatCompletionChunk)) };
        if (operation.Responses?["200"] is OpenApiResponse { Content: { } answers })
            answers["text/event-stream"] = stream;
    }

    /// <summary>A route that reads one of these bodies.</summary>
    public static Task Body(OpenApiOperation operation, params (string ContentType, OpenApiSchema Schema, (string Name, string Json)[] Examples)[] bodies)
    {
        operation.RequestBody = new OpenApiRequestBody
        {
            Required = true,
            Content = bodies.ToDictionary(body => body.ContentType, body => new OpenApiMediaType { Schema = body.Schema, Examples = Examples(body.Examples) }),
        };
        return Task.CompletedTask;
    }

    /// <summary>What is true of every route: the key it asks for, and the refusals of those that lack one. Liveness alone asks for none.</summary>
    public static async Task SecurityAsync(OpenApiOperation operation, OpenApiOperationTransformerContext context, CancellationToken cancellationToken)
    {
        if (context.Description.ActionDescriptor.EndpointMetadata.OfType<IAllowAnonymous>().Any()) return;
        operation.Security = [new() { [new OpenApiSecuritySchemeReference(SchemeName, context.Document)] = [] }];
        var error = await context.GetOrCreateSchemaAsync(typeof(ErrorResponse), cancellationToken: cancellationToken);
        foreach (var (status, meaning) in new[] { ("401", "No key, or one that is not known"), ("403", "The key lacks the right"), ("429", "The key has used up its share") })
            (operation.Responses ??= [])[status] = new OpenApiResponse
            {
                Description = meaning,
                Content = new Dictionary<string, OpenApiMediaType> { ["application/json"] = new() { Schema = error } },
            };
    }

    public static void AddSecurityScheme(OpenApiDocument document)
    {
        document.Components ??= new();
        (document.Components.SecuritySchemes ??= new Dictionary<string, IOpenApiSecurityScheme>())[SchemeName] = new OpenApiSecurityScheme
        {
            Type = SecuritySchemeType.Http,
            Scheme = "bearer",
            Description = "A key from the server's operator. Servers on loopback may have none; then nothing is asked for.",
        };
    }

    /// <summary>A route that reads one JSON body.</summary>
    public static void Body(OpenApiOperation operation, OpenApiSchema schema, params (string Name, string Json)[] examples) => operation.RequestBody = new OpenApiRequestBody
    {
        Required = true,
        Content = new Dictionary<string, OpenApiMediaType> { ["application/json"] = new() { Schema = schema, Examples = Examples(examples) } },
    };

    public static RouteHandlerBuilder ProducesErrors(this RouteHandlerBuilder route, params int[] statuses)
    {
        foreach (var status in statuses)
            route.Produces<ErrorResponse>(status);
        return route;
    }

    private static Dictionary<string, IOpenApiExample>? Examples((string Name, string Json)[] examples) => examples.Length == 0 ? null
        : examples.ToDictionary(example => example.Name, IOpenApiExample (example) => new OpenApiExample { Value = JsonNode.Parse(example.Json) });
}
