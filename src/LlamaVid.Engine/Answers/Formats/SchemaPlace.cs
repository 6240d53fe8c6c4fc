using System.Globalization;
using System.Text.Json;

namespace LlamaVid.Engine;

/// <summary>One value inside a schema and where it stands. Reads what keywords hold, or refuses it by its place.</summary>
internal sealed record SchemaPlace(JsonElement Value, string Path)
{
    public bool IsObject => Value.ValueKind == JsonValueKind.Object;
    public bool IsTrue => Value.ValueKind == JsonValueKind.True;
    public bool IsFalse => Value.ValueKind == JsonValueKind.False;

    public IEnumerable<string> Names => Value.EnumerateObject().Select(property => NameOf(property));

    public SchemaPlace In(string name) => new(Value.GetProperty(name), Path.Length == 0 ? name : $"{Path}.{name}");

    public SchemaPlace? Find(string name) => IsObject && Value.TryGetProperty(name, out _) ? In(name) : null;

    public SchemaPlace RequireObject() => IsObject ? this : throw Refused("must be an object.");

    public IReadOnlyList<SchemaPlace> Items() => Value.ValueKind == JsonValueKind.Array
        ? [.. Value.EnumerateArray().Select((item, i) => new SchemaPlace(item, $"{Path}[{i}]"))]
        : throw Refused("must be a list.");

    public string Text()
    {
        try
        {
            return Value.ValueKind == JsonValueKind.String ? Value.GetString()! : throw Refused("must be a text.");
        }
        catch (InvalidOperationException)                                   // half of a surrogate pair
        {
            throw Refused("is not valid Unicode text.");
        }
    }

    public IReadOnlyList<string> Texts() => [.. Items().Select(item => item.Text())];

    public int Count(int most) => Value.ValueKind == JsonValueKind.Number && Value.TryGetDecimal(out var number) && decimal.IsInteger(number) && number >= 0 && number <= most
        ? (int)number
        : throw Refused($"must be a whole number from 0 to {most}.");

    public decimal Decimal() =>
        Value.ValueKind == JsonValueKind.Number && decimal.TryParse(Value.GetRawText(), NumberStyles.Float, CultureInfo.InvariantCulture, out var number) && Math.Abs(number) <= 1e18m
            ? number
            : throw Refused("must be a number between -1e18 and 1e18.");

    /// <summary>Where a reference leads: a JSON pointer into this schema.</summary>
    public SchemaPlace Resolve(SchemaPlace reference)
    {
        var text = reference.Text();
        if (!text.StartsWith('#')) throw reference.Refused("must begin with '#': other documents are not read.");
        var place = this;
        foreach (var step in text[1..].Split('/').Skip(1).Select(each => Uri.UnescapeDataString(each).Replace("~1", "/", StringComparison.Ordinal).Replace("~0", "~", StringComparison.Ordinal)))
        {
            if (place.Find(step) is { } property) place = property;
            else if (place.Value.ValueKind == JsonValueKind.Array && int.TryParse(step, NumberStyles.None, CultureInfo.InvariantCulture, out var at) && at < place.Value.GetArrayLength()) place = place.Items()[at];
            else throw reference.Refused("leads nowhere.");
        }
        return text is "#" || text.StartsWith("#/", StringComparison.Ordinal) ? place : throw reference.Refused("must be '#' or a pointer such as '#/$defs/name'.");
    }

    public FormatNotSupportedException Refused(string why) => new(Path, why);

    private string NameOf(JsonProperty property)
    {
        try
        {
            return property.Name;
        }
        catch (InvalidOperationException)
        {
            throw Refused("has a name that is not valid Unicode text.");
        }
    }
}
