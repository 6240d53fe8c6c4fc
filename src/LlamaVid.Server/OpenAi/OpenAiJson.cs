using System.Text.Json.Serialization;
using LlamaVid.Server.Errors;
using LlamaVid.Server.Features.Health;
using LlamaVid.Server.Features.Models;

namespace LlamaVid.Server.OpenAi;

/// <summary>How wire types are written: snake_case, nothing that is null unless the type says so.</summary>
[JsonSourceGenerationOptions(PropertyNamingPolicy = JsonKnownNamingPolicy.SnakeCaseLower, DefaultIgnoreCondition = JsonIgnoreCondition.WhenWritingNull)]
[JsonSerializable(typeof(ChatCompletion))]
[JsonSerializable(typeof(ChatCompletionChunk))]
[JsonSerializable(typeof(ErrorResponse))]
[JsonSerializable(typeof(ModelList))]
[JsonSerializable(typeof(ModelEntry))]
[JsonSerializable(typeof(HealthStatus))]
[JsonSerializable(typeof(VersionNumber))]
internal sealed partial class OpenAiJson : JsonSerializerContext;
