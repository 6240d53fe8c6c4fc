using System.ComponentModel;
using LlamaVid.Engine;
using LlamaVid.Server.Composition;
using LlamaVid.Server.Errors;
using LlamaVid.Server.Hosting;
using LlamaVid.Server.OpenAi;
using LlamaVid.Server.Security;
using Microsoft.AspNetCore.Http.HttpResults;

namespace LlamaVid.Server.Features.Models;

/// <summary>GET /v1/models: the one model that is served, and what it can take.</summary>
internal static class ModelsEndpoint
{
    public static void MapModels(this IEndpointRouteBuilder routes)
    {
        routes.MapGet("/v1/models", (EngineHost host) => TypedResults.Json(new ModelList([Describe(host)]), OpenAiJson.Wire.ModelList))
            .WithName("ListModels").WithTags("Models").WithSummary("The model that is served").Produces<ModelList>().ProducesErrors(503).AllowAnyKey();

        routes.MapGet("/v1/models/{**id}", (string id, EngineHost host) =>
                Uri.UnescapeDataString(id) == host.ModelName
                    ? TypedResults.Json(Describe(host), OpenAiJson.Wire.ModelEntry)
                    : throw new ModelNotFoundException(id, host.ModelName))
            .WithName("RetrieveModel").WithTags("Models").WithSummary("One model").Produces<ModelEntry>().ProducesErrors(404, 503).AllowAnyKey();
    }

    private static ModelEntry Describe(EngineHost host)
    {
        var card = host.Engine.Card ?? throw new EngineLoadingException();
        return new(host.ModelName, card.LoadedAt.ToUnixTimeSeconds())
        {
            InputModalities = card.SeesVideo ? ["text", "image", "video"] : ["text"],
            MaxModelLen = card.ContextLength,
            Dtype = card.Dtype,
            Device = card.Device,
            TokensPerFrame = card.TokensPerFrame,
            ImageSize = card.ImageSize,
        };
    }
}

internal sealed record ModelList(IReadOnlyList<ModelEntry> Data)
{
    public string Object { get; } = "list";
}

internal sealed record ModelEntry(string Id, [property: Description("Unix time at which the model was loaded.")] long Created)
{
    public string Object { get; } = "model";
    public string OwnedBy { get; } = "llamavid";
    public required IReadOnlyList<string> InputModalities { get; init; }
    public IReadOnlyList<string> OutputModalities { get; } = ["text"];
    [Description("Most positions of prompt and answer together.")]
    public required int MaxModelLen { get; init; }
    public required string Dtype { get; init; }
    public required string Device { get; init; }
    [Description("Positions that one video frame takes; 0 for a model that reads text only.")]
    public required int TokensPerFrame { get; init; }
    [Description("Side of the square that a frame is cut to, in pixels; 0 for a model that reads text only.")]
    public required int ImageSize { get; init; }
}
