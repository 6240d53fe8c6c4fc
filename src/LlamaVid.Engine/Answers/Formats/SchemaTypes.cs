using System.Text.Json;

namespace LlamaVid.Engine;

/// <summary>The types that a schema's values may have: those it names, or those its keywords are about.</summary>
internal static class SchemaTypes
{
    private static readonly string[] All = ["object", "array", "string", "number", "integer", "boolean", "null"];

    /// <param name="keywords">the keywords of each type</param>
    public static IReadOnlyList<string> Of(SchemaPlace schema, IReadOnlySet<string> said, IReadOnlyDictionary<string, string[]> keywords)
    {
        if (said.Contains("type")) return Named(schema.In("type"), All);
        var meant = keywords.Where(type => type.Value.Any(said.Contains)).Select(type => type.Key).ToArray();
        return meant.Length > 0 ? meant : ["object", "array", "string", "number", "boolean", "null"];
    }

    public static IReadOnlyList<string> Named(SchemaPlace type, IReadOnlyList<string> known)
    {
        string[] names = type.Value.ValueKind == JsonValueKind.Array ? [.. type.Texts().Distinct()] : [type.Text()];
        if (names.Length == 0) throw type.Refused("is empty.");
        foreach (var name in names)
            if (!known.Contains(name)) throw type.Refused($"must be one of {string.Join(", ", known)}.");
        return names.Contains("number") ? [.. names.Where(name => name != "integer")] : names;
    }

    public static bool Is(JsonElement value, string type) => type switch
    {
        "object" => value.ValueKind == JsonValueKind.Object,
        "array" => value.ValueKind == JsonValueKind.Array,
        "string" => value.ValueKind == JsonValueKind.String,
        "number" => value.ValueKind == JsonValueKind.Number,
        "integer" => value.ValueKind == JsonValueKind.Number && value.TryGetDecimal(out var number) && decimal.IsInteger(number),
        "boolean" => value.ValueKind is JsonValueKind.True or JsonValueKind.False,
        _ => value.ValueKind == JsonValueKind.Null,
    };
}
