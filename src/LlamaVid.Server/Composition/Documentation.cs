using System.Reflection;
using System.Text.Json.Nodes;
using System.Text.Json.Serialization;
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
    public static Task GenerationAsync(
        OpenApiOperation operation, OpenApiOperationTransformerContext context,
        params (string ContentType, OpenApiSchema Schema, (string Name, string Json)[] Examples)[] bodies)
    {
        Body(operation, bodies);
        if (operation.Responses?["200"] is OpenApiResponse { Content: { } answers })
            answers["text/event-stream"] = new OpenApiMediaType { Schema = Described<ChatCompletionChunk>(context) };
        return Task.CompletedTask;
    }

    /// <summary>What the framework cannot know of the fields of an answer: those that are always the same are always there, and those that are left out when null are not required.</summary>
    public static Task FieldsAsync(OpenApiSchema schema, OpenApiSchemaTransformerContext context, CancellationToken cancellationToken)
    {
        var nullability = new NullabilityInfoContext();
        foreach (var field in context.JsonTypeInfo.Properties)
        {
            if (field.AttributeProvider is not PropertyInfo property) continue;
            var mayBeNull = nullability.Create(property).ReadState != NullabilityState.NotNull;
            if (!mayBeNull && field.Set is null && schema.Properties?[field.Name] is OpenApiSchema constant)
            {
                (schema.Required ??= new HashSet<string>()).Add(field.Name);
                constant.Type &= ~JsonSchemaType.Null;
            }
            else if (mayBeNull && property.GetCustomAttribute<JsonIgnoreAttribute>() is null)
                schema.Required?.Remove(field.Name);
        }
        return Task.CompletedTask;
    }

    /// <summary>A route that answers one of two objects.</summary>
    public static async Task EitherAsync<TDescribed, TOther>(OpenApiOperation operation, OpenApiOperationTransformerContext context)
    {
        if (operation.Responses?["200"].Content is { } content)
            content["application/json"].Schema = new OpenApiSchema { OneOf = [Described<TDescribed>(context), await context.GetOrCreateSchemaAsync(typeof(TOther))] };
    }

    /// <summary>What some route answers, by its name in the document. Made anew in a transformer, a schema loses which of its inner fields may be null.</summary>
    private static OpenApiSchemaReference Described<T>(OpenApiOperationTransformerContext context) => new(typeof(T).Name, context.Document);

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
    public static Task SecurityAsync(OpenApiOperation operation, OpenApiOperationTransformerContext context, CancellationToken cancellationToken)
    {
        if (context.Description.ActionDescriptor.EndpointMetadata.OfType<IAllowAnonymous>().Any()) return Task.CompletedTask;
        operation.Security = [new() { [new OpenApiSecuritySchemeReference(SchemeName, context.Document)] = [] }];
        foreach (var (status, meaning) in new[] { ("401", "No key, or one that is not known"), ("403", "The key lacks the right"), ("429", "The key has used up its share") })
            (operation.Responses ??= [])[status] = new OpenApiResponse
            {
                Description = meaning,
                Content = new Dictionary<string, OpenApiMediaType> { ["application/json"] = new() { Schema = Described<ErrorResponse>(context) } },
            };
        return Task.CompletedTask;
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
