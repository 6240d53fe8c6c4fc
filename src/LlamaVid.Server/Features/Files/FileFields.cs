using System.Text.Json;
using System.Text.Json.Nodes;
using LlamaVid.Server.Files;
using LlamaVid.Server.Requests;
using Microsoft.OpenApi;

namespace LlamaVid.Server.Features.Files;

/// <summary>What a client says about a file it brings.</summary>
internal sealed class FileDraft
{
    public FilePurpose Purpose { get; set; }
    public TimeSpan? KeepFor { get; set; }
}

/// <summary>The fields beside a file, as they are read and documented.</summary>
internal static class FileFields
{
    private const int MaxName = 255;

    private static readonly FieldTable<FileDraft> Expiry = new(
        new Field<FileDraft>("anchor", "Where the time begins.", () => new() { Type = JsonSchemaType.String, Enum = [JsonValue.Create("created_at")] },
            (_, value) => value.Choice(new Dictionary<string, bool> { ["created_at"] = true }), Required: true),
        new Field<FileDraft>("seconds", "How long the file is kept: an hour to 30 days.", () => new() { Type = JsonSchemaType.Integer, Minimum = "3600", Maximum = "2592000" },
            (draft, value) => draft.KeepFor = TimeSpan.FromSeconds(value.Integer(3600, 2_592_000)), Required: true));

    public static FieldTable<FileDraft> Table { get; } = new(
        Field.Choice<FileDraft, FilePurpose>("purpose", FilePurposes.Uploadable,
            "What the file is for: vision and user_data are videos and pictures to ask about, batch is JSON Lines of requests.",
            (draft, purpose) => draft.Purpose = purpose) with { Required = true },
        Field.Object("expires_after", Expiry, "When the file is to go by itself. Left out: after Files:KeepFor."));

    /// <summary>The form: the file itself, and objects as forms write them.</summary>
    public static OpenApiSchema FormSchema()
    {
        var schema = Table.Schema();
        schema.Properties!["file"] = new OpenApiSchema { Type = JsonSchemaType.String, Format = "binary", Description = "The file, with a file name." };
        schema.Properties.Remove("expires_after");
        foreach (var field in Expiry.Fields)
        {
            var property = field.Schema();
            property.Description = $"{field.Description} Beside it, expires_after[{(field.Name == "anchor" ? "seconds" : "anchor")}] is needed.";
            property.Examples = [JsonValue.Create("")];                    // so that the documentation page sends nothing
            schema.Properties[$"expires_after[{field.Name}]"] = property;
        }
        schema.Required!.Add("file");
        return schema;
    }

    /// <summary>Forms know only text: <c>expires_after[seconds]</c> is a field of an object, numbers are read as such, an empty one was left out.</summary>
    public static JsonNode? FromText(string name, string text)
    {
        if (name == "file")
            throw MultipartForm.Bad(name, "must be a file: send it with a file name.");
        if (text.Length == 0)
            return null;
        if (name is "expires_after[seconds]" or "expires_after")
        {
            try
            {
                return JsonNode.Parse(text);
            }
            catch (JsonException)                         // the field itself says what it would take
            {
            }
        }
        return JsonValue.Create(text);
    }

    /// <summary>Puts the fields that are written with brackets where they belong.</summary>
    public static JsonObject Folded(JsonObject fields)
    {
        foreach (var (name, value) in fields.ToArray())
        {
            if (!name.StartsWith("expires_after[", StringComparison.Ordinal) || !name.EndsWith(']'))
                continue;
            fields.Remove(name);
            if (value is null)
                continue;
            if (fields["expires_after"] is not JsonObject expiry)
                fields["expires_after"] = expiry = [];
            if (!expiry.TryAdd(name["expires_after[".Length..^1], value))
                throw MultipartForm.Bad(name, "is sent twice: in 'expires_after' as well. Send one of them.");
        }
        return fields;
    }

    /// <summary>The client's name for its file, fit to be shown: no control characters, not too long. Never a path.</summary>
    public static string ShownName(string name)
    {
        var shown = string.Concat(name.Where(c => !char.IsControl(c) && !char.IsSurrogate(c)));
        return shown.Length == 0 ? "file" : shown.Length <= MaxName ? shown : shown[..MaxName];
    }
}
