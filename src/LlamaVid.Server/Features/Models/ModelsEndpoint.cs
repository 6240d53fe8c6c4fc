using System.ComponentModel;
using LlamaVid.Engine;
using LlamaVid.Server.Composition;
using LlamaVid.Server.Errors;
using LlamaVid.Server.Hosting;
using LlamaVid.Server.OpenAi;
using Microsoft.AspNetCore.Http.HttpResults;

namespace LlamaVid.Server.Features.Models;

/// <summary>GET /v1/models: the one model that is served, and what it can take.</summary>
internal static class ModelsEndpoint
{
    public static void MapModels(this IEndpointRouteBuilder routes)
    {
        routes.MapGet("/v1/models", (EngineHost host, StartTime start) => TypedResults.Json(new ModelList([Describe(host, start)]), OpenAiJson.Default.ModelList))
            .WithName("ListModels").WithTags("Models").WithSummary("The model that is served").Produces<ModelList>().ProducesErrors(503);

        routes.MapGet("/v1/models/{id}", (string id, EngineHost host, StartTime start) =>
                id == host.ModelName ? TypedResults.Json(Describe(host, start), OpenAiJson.Default.ModelEntry) : throw new ModelNotFoundException(id, host.ModelName))
            .WithName("RetrieveModel").WithTags("Models").WithSummary("One model").Produces<ModelEntry>().ProducesErrors(404, 503);
    }

    private static ModelEntry Describe(EngineHost host, StartTime start)
    {
        var card = host.Engine.Card;
        return new(host.ModelName, start.UnixSeconds)
        {
            InputModalities = card.TokensPerFrame is null ? ["text"] : ["text", "image", "video"],
            MaxModelLen = card.ContextLength,
            Dtype = card.Dtype,
            Device = card.Device,
            TokensPerFrame = card.TokensPerFrame,
        };
    }
}

/// <summary>When this process began to serve.</summary>
internal sealed record StartTime(long UnixSeconds);

internal sealed record ModelList(IReadOnlyList<ModelEntry> Data)
{
    public string Object => "list";
}

internal sealed record ModelEntry(string Id, [property: Description("Unix time at which the server started.")] long Created)
{
    public string Object => "model";
    public string OwnedBy => "llamavid";
    public required IReadOnlyList<string> InputModalities { get; init; }
    public IReadOnlyList<string> OutputModalities => ["text"];
    [Description("Most positions of prompt and answer together.")]
    public required int MaxModelLen { get; init; }
    public required string Dtype { get; init; }
    public required string Device { get; init; }
    [Description("Positions that one video frame takes. Null: the model reads text only.")]
    public int? TokensPerFrame { get; init; }
}
