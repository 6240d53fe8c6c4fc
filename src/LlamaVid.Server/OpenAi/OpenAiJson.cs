using System.Text.Encodings.Web;
using System.Text.Json;
using System.Text.Json.Serialization;
using LlamaVid.Server.Errors;
using LlamaVid.Server.Features.Batches;
using LlamaVid.Server.Features.Files;
using LlamaVid.Server.Features.Estimate;
using LlamaVid.Server.Features.Health;
using LlamaVid.Server.Features.Models;
using LlamaVid.Server.Features.Tokens;
using LlamaVid.Server.Features.Uploads;
using LlamaVid.Server.Jobs;
using LlamaVid.Server.Jobs.Batches;

namespace LlamaVid.Server.OpenAi;

/// <summary>How wire types are written: snake_case, nothing that is null unless the type says so.</summary>
[JsonSerializable(typeof(ChatCompletion))]
[JsonSerializable(typeof(ChatCompletionChunk))]
[JsonSerializable(typeof(ErrorResponse))]
[JsonSerializable(typeof(Error))]
[JsonSerializable(typeof(JobView))]
[JsonSerializable(typeof(JobPage))]
[JsonSerializable(typeof(JobRemoved))]
[JsonSerializable(typeof(FileObject))]
[JsonSerializable(typeof(FileList))]
[JsonSerializable(typeof(FileDeleted))]
[JsonSerializable(typeof(WebhookMessage))]
[JsonSerializable(typeof(TokenizeAnswer))]
[JsonSerializable(typeof(DetokenizeAnswer))]
[JsonSerializable(typeof(EstimateAnswer))]
[JsonSerializable(typeof(UploadObject))]
[JsonSerializable(typeof(UploadPartObject))]
[JsonSerializable(typeof(BatchObject))]
[JsonSerializable(typeof(BatchList))]
[JsonSerializable(typeof(BatchAnswer))]
[JsonSerializable(typeof(ModelList))]
[JsonSerializable(typeof(ModelEntry))]
[JsonSerializable(typeof(HealthStatus))]
[JsonSerializable(typeof(Liveness))]
[JsonSerializable(typeof(VersionNumber))]
internal sealed partial class OpenAiJson : JsonSerializerContext
{
    public static OpenAiJson Wire { get; } = new(new JsonSerializerOptions
    {
        PropertyNamingPolicy = JsonNamingPolicy.SnakeCaseLower,
        DefaultIgnoreCondition = JsonIgnoreCondition.WhenWritingNull,
        Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping,            // quotes, accents and every script as they are: bodies are JSON, never part of a page
    });
}
