using System.Text.Json.Nodes;
using LlamaVid.Server.Errors;
using Microsoft.OpenApi;

namespace LlamaVid.Server.Composition;

/// <summary>What endpoints say about themselves in <c>/openapi/v1.json</c>. Bodies come from the tables that read them.</summary>
internal static class Documentation
{
    public static Task Body(OpenApiOperation operation, params (string ContentType, OpenApiSchema Schema, (string Name, string Json)[] Examples)[] bodies)
    {
        operation.RequestBody = new OpenApiRequestBody
        {
            Required = true,
            Content = bodies.ToDictionary(body => body.ContentType, body => new OpenApiMediaType
            {
                Schema = body.Schema,
                Examples = body.Examples.Length == 0 ? null : body.Examples.ToDictionary(example => example.Name, IOpenApiExample (example) => new OpenApiExample { Value = JsonNode.Parse(example.Json) }),
            }),
        };
        return Task.CompletedTask;
    }

    public static RouteHandlerBuilder ProducesErrors(this RouteHandlerBuilder route, params int[] statuses)
    {
        foreach (var status in statuses)
            route.Produces<ErrorResponse>(status);
        return route;
    }
}
