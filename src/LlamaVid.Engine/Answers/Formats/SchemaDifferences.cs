using System.Text.Json;

namespace LlamaVid.Engine;

/// <summary>Whether no value can be valid under two schemas, as far as types, constants and required properties show it.</summary>
internal sealed class SchemaDifferences(SchemaPlace root)
{
    private const int Deepest = 8;

    public bool AllDiffer(IReadOnlyList<SchemaPlace> schemas)
    {
        for (var i = 0; i < schemas.Count; i++)
            for (var j = 0; j < i; j++)
                if (!Differ(schemas[i], schemas[j], Deepest))
                    return false;
        return true;
    }

    private bool Differ(SchemaPlace one, SchemaPlace other, int depth)
    {
        if (depth == 0) return false;
        (one, other) = (Followed(one), Followed(other));
        if (Parts(one) is { } parts) return parts.All(part => Differ(part, other, depth - 1));
        if (Parts(other) is not null) return Differ(other, one, depth - 1);
        if (ValuesOf(one) is { } values && ValuesOf(other) is { } others) return !values.Any(value => others.Any(each => JsonElement.DeepEquals(value, each)));
        if (TypesOf(one) is { } types && TypesOf(other) is { } otherTypes && !types.Intersect(otherTypes).Any()) return true;
        return Required(one).Intersect(Required(other)).Any(name => Property(one, name) is { } a && Property(other, name) is { } b && Differ(a, b, depth - 1))
            && OnlyObjects(one) && OnlyObjects(other);
    }

    private SchemaPlace Followed(SchemaPlace schema)
    {
        for (var i = 0; i < Deepest && schema.Find("$ref") is { } reference; i++) schema = root.Resolve(reference);
        return schema;
    }

    private static IReadOnlyList<SchemaPlace>? Parts(SchemaPlace schema) => (schema.Find("anyOf") ?? schema.Find("oneOf") ?? schema.Find("allOf"))?.Items();

    private static JsonElement[]? ValuesOf(SchemaPlace schema) =>
        schema.Find("const") is { } constant ? [constant.Value] : schema.Find("enum")?.Items().Select(item => item.Value).ToArray();

    private static HashSet<string>? TypesOf(SchemaPlace schema)
    {
        if (ValuesOf(schema) is { } values) return [.. values.Select(Kind)];
        if (schema.Find("type") is not { } type) return schema.Find("properties") is null ? null : ["object"];
        string[] names = type.Value.ValueKind == JsonValueKind.Array ? [.. type.Texts()] : [type.Text()];
        return [.. names.Select(name => name == "integer" ? "number" : name)];
    }

    private static string Kind(JsonElement value) => value.ValueKind switch
    {
        JsonValueKind.Object => "object",
        JsonValueKind.Array => "array",
        JsonValueKind.String => "string",
        JsonValueKind.Number => "number",
        JsonValueKind.Null => "null",
        _ => "boolean",
    };

    private static bool OnlyObjects(SchemaPlace schema) => TypesOf(schema) is { Count: 1 } types && types.Contains("object");

    private static IEnumerable<string> Required(SchemaPlace schema) => schema.Find("required")?.Texts() ?? [];

    private static SchemaPlace? Property(SchemaPlace schema, string name) => schema.Find("properties")?.Find(name);
}
