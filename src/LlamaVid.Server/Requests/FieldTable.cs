using System.Text.Json;
using System.Text.Json.Nodes;
using Microsoft.OpenApi;

namespace LlamaVid.Server.Requests;

/// <summary>How a form's text is a field's value: as JSON, as it stands, or as JSON only where it begins like a list or an object.</summary>
internal enum FormValue { Json, Text, TextOrJson }

/// <summary>One field a client may send: how it is read and how it is documented, in one place, so that neither can fall behind the other.</summary>
internal sealed record Field<T>(
    string Name, string Description, Func<OpenApiSchema> Schema, Action<T, JsonCursor> Read, bool Required = false, FormValue Form = FormValue.Json);

/// <summary>The fields of one JSON object. A field that is not in the table is refused by its path: nothing is silently ignored.</summary>
internal sealed class FieldTable<T>
{
    private readonly Field<T>[] _fields;
    private readonly Dictionary<string, Field<T>> _byName;

    public FieldTable(params IEnumerable<Field<T>> fields)
    {
        _fields = [.. fields];
        _byName = _fields.ToDictionary(field => field.Name);
    }

    public IReadOnlyList<Field<T>> Fields => _fields;

    public Field<T>? Find(string name) => _byName.GetValueOrDefault(name);

    public void Read(JsonCursor value, T target)
    {
        foreach (var (name, cursor) in value.Fields())
        {
            var field = Find(name) ?? throw InvalidRequestException.UnknownField(cursor.Path);
            if (!cursor.IsNull)                            // counts as absent, as with OpenAI's own clients
                field.Read(target, cursor);
        }
        foreach (var field in _fields)
            if (field.Required && value.Find(field.Name) is null)
                throw Missing(value.Path, field.Name);
    }

    public static InvalidRequestException Missing(string path, string name)
    {
        var full = path.Length == 0 ? name : $"{path}.{name}";
        return new(full, $"'{full}' is missing.", InvalidRequestException.MissingField);
    }

    public OpenApiSchema Schema(string? description = null)
    {
        var properties = new Dictionary<string, IOpenApiSchema>();
        foreach (var field in _fields)
        {
            var schema = field.Schema();
            schema.Description = field.Description;
            properties[field.Name] = schema;
        }
        return new()
        {
            Type = JsonSchemaType.Object,
            Description = description,
            Properties = properties,
            Required = _fields.Where(field => field.Required).Select(field => field.Name).ToHashSet(),
            AdditionalPropertiesAllowed = false,
        };
    }
}

/// <summary>The kinds of field that requests are made of.</summary>
internal static class Field
{
    public static Field<T> Text<T>(string name, string description, Action<T, string> read, bool required = false) =>
        new(name, description, () => new() { Type = JsonSchemaType.String }, (target, value) => read(target, value.Text()), required, FormValue.Text);

    public static Field<T> Flag<T>(string name, string description, Action<T, bool> read) =>
        new(name, description, () => new() { Type = JsonSchemaType.Boolean, Default = false }, (target, value) => read(target, value.Flag()));

    public static Field<T> Number<T>(string name, double min, double max, string description, Action<T, double> read) =>
        Number<T>(name, min, max, description, (target, value, _) => read(target, value));

    /// <param name="read">Given the value and its path.</param>
    public static Field<T> Number<T>(string name, double min, double max, string description, Action<T, double, string> read) =>
        new(name, description, () => new() { Type = JsonSchemaType.Number, Minimum = JsonCursor.Plain(min), Maximum = JsonCursor.Plain(max) },
            (target, value) => read(target, value.Number(min, max), value.Path));

    public static Field<T> Integer<T>(string name, long min, long max, string description, Action<T, long> read) =>
        new(name, description, () => new() { Type = JsonSchemaType.Integer, Minimum = $"{min}", Maximum = $"{max}" },
            (target, value) => read(target, value.Integer(min, max)));

    public static Field<T> Choice<T, TValue>(string name, IReadOnlyDictionary<string, TValue> values, string description, Action<T, TValue> read) =>
        new(name, description, () => new() { Type = JsonSchemaType.String, Enum = [.. values.Keys.Select(key => JsonValue.Create(key))] },
            (target, value) => read(target, value.Choice(values)), Form: FormValue.Text);

    public static Field<T> Object<T>(string name, FieldTable<T> fields, string description) =>
        new(name, description, () => fields.Schema(), (target, value) => fields.Read(value, target));

    /// <summary>A well-known field that changes nothing here and whose being ignored harms nobody.</summary>
    public static Field<T> Harmless<T>(string name) =>
        new(name, "Accepted for compatibility; has no effect.", () => new(), static (_, _) => { });

    /// <summary>A well-known field that only its neutral values are accepted of: another value asks for what this server does not do.</summary>
    public static Field<T> Only<T>(string name, params string[] neutral)
    {
        var accepted = neutral.Select(text => JsonNode.Parse(text)!).ToArray();
        var elements = neutral.Select(text => JsonElement.Parse(text)).ToArray();
        var list = string.Join(" or ", neutral.Append("null"));
        return new(name, $"Not supported; only {list} is accepted.", () => new() { Enum = [.. accepted.Select(node => node.DeepClone())] }, (_, value) =>
        {
            if (value.IsText)
                value.Text();                             // refuses what is no text at all
            if (!elements.Any(element => JsonElement.DeepEquals(element, value.Element)))
                throw InvalidRequestException.NotSupported(value.Path, $"'{value.Path}' is not supported by this server: only {list} is accepted. Leave it out.");
        });
    }
}
