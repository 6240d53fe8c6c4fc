using System.Text.Json;
using LlamaVid.Model.Weights;

namespace LlamaVid.Model;

/// <summary>A JSON object from a model folder whose values are read by key and checked; it knows no key by itself. A null value counts as absent.</summary>
internal sealed class ConfigFile : IDisposable
{
    private const int LongestShown = 80;

    private readonly string _path;
    private readonly string _parent;
    private readonly JsonElement _root;
    private readonly JsonDocument? _document;

    private ConfigFile(string path, string parent, JsonElement root, JsonDocument? document) =>
        (_path, _parent, _root, _document) = (path, parent, root, document);

    public static ConfigFile Open(string path)
    {
        var document = JsonFile.Parse(path);
        return new(path, "", document.RootElement, document);
    }

    public bool Has(string key) => Find(key) is not null;

    public int Int(string key, int? fallback = null, int min = 1)
    {
        if (Find(key) is not { } value) return fallback ?? throw Missing(key);
        var accepted = $"a whole number{(min == int.MinValue ? "" : $" of at least {min}")}";
        return value.ValueKind == JsonValueKind.Number && value.TryGetInt32(out var number) && number >= min ? number : throw Fault(key, accepted);
    }

    public double Positive(string key, double? fallback = null)
    {
        if (Find(key) is not { } value) return fallback ?? throw Missing(key);
        return value.ValueKind == JsonValueKind.Number && value.TryGetDouble(out var number) && number > 0 && double.IsFinite(number)
            ? number : throw Fault(key, "a number above 0");
    }

    public bool Bool(string key, bool fallback) => Find(key)?.ValueKind switch
    {
        null => fallback,
        JsonValueKind.True => true,
        JsonValueKind.False => false,
        _ => throw Fault(key, "true or false"),
    };

    public string Text(string key, string? fallback = null)
    {
        if (Find(key) is not { } value) return fallback ?? throw Missing(key);
        if (value.ValueKind != JsonValueKind.String) throw Fault(key, "a text");
        try { return value.GetString()!; }
        catch (InvalidOperationException) { throw Fault(key, "a text without half surrogates"); }
    }

    public bool IsObject(string key) => Find(key)?.ValueKind == JsonValueKind.Object;

    /// <summary>The array at <paramref name="key"/> when it holds exactly <paramref name="count"/> numbers, none below <paramref name="min"/> or above <paramref name="max"/>.</summary>
    public float[] Numbers(string key, int count, float min, float max)
    {
        var value = Find(key) ?? throw Missing(key);
        float[] numbers = value.ValueKind == JsonValueKind.Array && value.GetArrayLength() == count
            ? [.. value.EnumerateArray().Select(item => item.ValueKind == JsonValueKind.Number && item.TryGetSingle(out var number) ? number : float.NaN)] : [];
        return numbers.Length == count && numbers.All(number => number >= min && number <= max)
            ? numbers : throw Fault(key, $"an array of {count} numbers from {min} to {max}");
    }

    /// <summary>The keys that have a value, in the file's order.</summary>
    public IEnumerable<string> Keys => _root.EnumerateObject().Where(entry => entry.Value.ValueKind != JsonValueKind.Null).Select(entry => entry.Name);

    public ConfigFile Object(string key)
    {
        var value = Find(key) ?? throw Missing(key);
        return value.ValueKind == JsonValueKind.Object ? new(_path, $"{_parent}{key}.", value, null) : throw Fault(key, "an object or null");
    }

    /// <summary>The text at <paramref name="key"/>, one of <paramref name="accepted"/>; a null among them allows the key to be absent.</summary>
    public string? RequireOneOf(string key, params string?[] accepted)
    {
        var text = accepted.Contains(null) && !Has(key) ? null : Text(key);
        return accepted.Contains(text) ? text : throw Fault(key, string.Join(" or ", accepted.Select(choice => choice ?? "null")));
    }

    /// <summary>The exception for a value that is not accepted.</summary>
    public CheckpointException Fault(string key, string accepted)
    {
        var value = Find(key)?.GetRawText() ?? "absent";
        if (value.Length > LongestShown) value = value[..LongestShown] + "…";
        return new(_path, $"\"{_parent}{key}\" is {value}; accepted: {accepted}.");
    }

    public void Dispose() => _document?.Dispose();

    private CheckpointException Missing(string key) => new(_path, $"\"{_parent}{key}\" is missing.");

    private JsonElement? Find(string key) => _root.TryGetProperty(key, out var value) && value.ValueKind != JsonValueKind.Null ? value : null;
}
