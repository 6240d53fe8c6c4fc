using System.Runtime.InteropServices;
using System.Text;
using System.Text.Json;

namespace LlamaVid.Server.Requests;

/// <summary>One value of a client's JSON and the path that leads to it. Reads typed values or refuses them by path; knows no field names.</summary>
internal readonly struct JsonCursor(JsonElement element, string path)
{
    public JsonElement Element { get; } = element;
    public string Path { get; } = path;

    public bool IsNull => Element.ValueKind == JsonValueKind.Null;
    public bool IsText => Element.ValueKind == JsonValueKind.String;
    public bool IsArray => Element.ValueKind == JsonValueKind.Array;
    public bool IsObject => Element.ValueKind == JsonValueKind.Object;

    /// <summary>Bytes of the value as it is written; those of a text are at least as many as its characters.</summary>
    public int RawLength => JsonMarshal.GetRawUtf8Value(Element).Length;

    public string Text()
    {
        if (!IsText)
            throw Wrong("must be a string");
        try
        {
            return Element.GetString()!;
        }
        catch (InvalidOperationException)                 // bytes that are no UTF-8, or half a surrogate pair
        {
            throw Wrong("is not valid Unicode text", shown: false);
        }
    }

    /// <summary>The text as the request has it; copied only where it is written with escapes.</summary>
    public ReadOnlySpan<byte> Utf8()
    {
        if (!IsText)
            throw Wrong("must be a string");
        var raw = JsonMarshal.GetRawUtf8Value(Element)[1..^1];
        return raw.Contains((byte)'\\') ? Encoding.UTF8.GetBytes(Text()) : raw;
    }

    public bool Flag() => Element.ValueKind switch
    {
        JsonValueKind.True => true,
        JsonValueKind.False => false,
        _ => throw Wrong("must be true or false"),
    };

    public double Number(double min, double max)
    {
        if (Element.ValueKind != JsonValueKind.Number || !Element.TryGetDouble(out var value))
            throw Wrong($"must be a number between {Plain(min)} and {Plain(max)}");
        return double.IsFinite(value) && value >= min && value <= max ? value : throw Wrong($"must be between {Plain(min)} and {Plain(max)}");
    }

    public long Integer(long min, long max)
    {
        if (Element.ValueKind != JsonValueKind.Number)
            throw Wrong($"must be a whole number between {min} and {max}");
        if (!Element.TryGetInt64(out var value) && !(Element.TryGetDecimal(out var wide) && decimal.IsInteger(wide) && TryNarrow(wide, out value)))
            throw Wrong($"must be a whole number between {min} and {max}");
        return value >= min && value <= max ? value : throw Wrong($"must be between {min} and {max}");
    }

    public T Choice<T>(IReadOnlyDictionary<string, T> values) =>
        IsText && values.TryGetValue(Text(), out var value) ? value : throw Wrong($"must be one of {string.Join(", ", values.Keys)}");

    public IEnumerable<JsonCursor> Items(int max)
    {
        if (!IsArray)
            throw Wrong("must be an array");
        var count = Element.GetArrayLength();
        if (count > max)
            throw new InvalidRequestException(Path, $"'{Path}' has {count} items; the limit is {max}. Send fewer.");
        return Each(Element, Path);

        static IEnumerable<JsonCursor> Each(JsonElement array, string path)
        {
            var i = 0;
            foreach (var item in array.EnumerateArray())
                yield return new(item, $"{path}[{i++}]");
        }
    }

    /// <summary>All fields, also those that are null.</summary>
    public IEnumerable<(string Name, JsonCursor Value)> Fields()
    {
        if (!IsObject)
            throw Wrong("must be an object");
        return Each(Element, Path);

        static IEnumerable<(string, JsonCursor)> Each(JsonElement @object, string path)
        {
            foreach (var property in @object.EnumerateObject())
                yield return (NameOf(property, path), new(property.Value, Join(path, NameOf(property, path))));
        }

        static string NameOf(JsonProperty property, string path)
        {
            try
            {
                return property.Name;
            }
            catch (InvalidOperationException)
            {
                throw new InvalidRequestException(path, $"A field name in '{path}' is not valid Unicode text.");
            }
        }
    }

    public JsonCursor? Find(string name) =>
        IsObject && Element.TryGetProperty(name, out var value) && value.ValueKind != JsonValueKind.Null ? new JsonCursor(value, Join(Path, name)) : null;

    public InvalidRequestException Wrong(string claim, bool shown = true) =>
        new(Path, shown ? $"'{Path}' is {Shown()}; it {claim}." : $"'{Path}' {claim}.");

    /// <summary>Without an exponent.</summary>
    public static string Plain(double value) => value.ToString("0.############");

    private static string Join(string path, string name) => path.Length == 0 ? name : $"{path}.{name}";

    private static bool TryNarrow(decimal wide, out long value)
    {
        var fits = wide is >= long.MinValue and <= long.MaxValue;
        value = fits ? (long)wide : 0;
        return fits;
    }

    /// <summary>The value as the client wrote it, when it is short enough to be repeated.</summary>
    private string Shown()
    {
        var raw = JsonMarshal.GetRawUtf8Value(Element);
        return raw.Length <= 40 ? Encoding.UTF8.GetString(raw) : Element.ValueKind switch
        {
            JsonValueKind.String => $"a string of {raw.Length - 2} bytes",
            JsonValueKind.Number => $"a number of {raw.Length} digits",
            JsonValueKind.Array => "an array",
            _ => "an object",
        };
    }
}
