using System.Text.Json;
using System.Text.Json.Serialization;
using LlamaVid.Server.Errors;
using LlamaVid.Server.Features.ChatCompletions;
using LlamaVid.Server.OpenAi;
using LlamaVid.Server.Requests;
using Microsoft.OpenApi;

namespace LlamaVid.Server.Jobs.Batches;

/// <summary>One line of a batch as its client wrote it.</summary>
internal sealed class BatchLine
{
    private static readonly FieldTable<BatchLine> Fields = new(
        Field.Text<BatchLine>("custom_id", "The client's own name for the line.", (line, name) => line.Name = name, required: true),
        new Field<BatchLine>("method", "POST.", () => new() { Type = JsonSchemaType.String }, (_, value) => value.Choice(new Dictionary<string, bool> { ["POST"] = true }), Required: true),
        new Field<BatchLine>("url", "The batch's endpoint.", () => new() { Type = JsonSchemaType.String },
            (_, value) => value.Choice(new Dictionary<string, bool> { [ChatCompletionsEndpoint.Route] = true }), Required: true),
        new Field<BatchLine>("body", "The request.", () => new() { Type = JsonSchemaType.Object }, (line, value) => line.Body = Request(value), Required: true));

    /// <summary>Lines of one batch.</summary>
    public const int Most = 50_000;

    private const int LongestName = 512, Envelope = 64 * 1024;

    /// <summary>Bytes of one line: those of a request, and what is around it.</summary>
    public static long LongestOf(ServerOptions options) => options.MaxRequestBytes + Envelope;

    public string? Name { get; private set; }

    public ReadOnlyMemory<byte> Body { get; private set; }

    /// <summary>Reads what it can: a line that is not right may still have a name.</summary>
    /// <exception cref="InvalidRequestException"></exception>
    public void Read(byte[] text)
    {
        using var document = RequestReader.Parse(text);
        JsonCursor line = new(document.RootElement, "");
        if (!line.IsObject)
            throw new InvalidRequestException(null, "The line must be a JSON object.", InvalidRequestException.MalformedJson);
        if (line.Find("custom_id") is { IsText: true } name)
            Name = name.Text() is { Length: > 0 and <= LongestName } given ? given : throw name.Wrong($"must have 1 to {LongestName} characters");
        Fields.Read(line, this);
    }

    /// <summary>The ids of files in a line that nothing has checked yet: at least those that its request asks for.</summary>
    public static IReadOnlyList<string> FileIds(ReadOnlySpan<byte> text)
    {
        var ids = new List<string>();
        var reader = new Utf8JsonReader(text.StartsWith(RequestReader.ByteOrderMark) ? text[RequestReader.ByteOrderMark.Length..] : text);
        try
        {
            while (reader.Read())
                if (reader.TokenType == JsonTokenType.PropertyName && reader.ValueTextEquals("file_id"u8) && reader.Read() && reader.TokenType == JsonTokenType.String
                    && reader.ValueSpan.Length <= LongestName)
                    ids.Add(reader.GetString()!);
        }
        catch (Exception fault) when (fault is JsonException or InvalidOperationException)
        {
            // Refused when its turn comes, as every line that is wrong.
        }
        return ids;
    }

    /// <summary>The line of the output or error file.</summary>
    public string Answer(string id, Answered answered) => JsonSerializer.Serialize(
        new BatchAnswer(id, Name,
            new(answered.Status, id, answered.Error is { } error ? JsonSerializer.SerializeToElement(new ErrorResponse(error), OpenAiJson.Wire.ErrorResponse) : JsonElement.Parse(answered.Result!))),
        OpenAiJson.Wire.BatchAnswer);

    private static byte[] Request(JsonCursor value)
    {
        if (!value.IsObject)
            throw value.Wrong("must be an object");
        foreach (var (name, field) in value.Fields())
            if (name is "stream" or "background" && field.Element.ValueKind == JsonValueKind.True)
                throw new InvalidRequestException(field.Path, $"'{field.Path}' has no meaning in a batch. Leave it out.");
        return JsonSerializer.SerializeToUtf8Bytes(value.Element, OpenAiJson.Wire.JsonElement);
    }
}

internal sealed record BatchAnswer(string Id, [property: JsonIgnore(Condition = JsonIgnoreCondition.Never)] string? CustomId, BatchResponse Response)
{
    [JsonIgnore(Condition = JsonIgnoreCondition.Never)]
    public string? Error { get; }
}

internal sealed record BatchResponse(int StatusCode, string RequestId, JsonElement Body);
