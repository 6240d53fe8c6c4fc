using System.Text;
using System.Text.Json;

namespace LlamaVid.Training.Evaluation.Samples;

/// <summary>One JSON object of a file, with the place where it stands.</summary>
internal sealed record JsonRecord(string Place, JsonElement Element)
{
    /// <exception cref="EvaluationFaultException">it is missing, empty or no text</exception>
    public string Text(string name) =>
        Has(name) && Element.GetProperty(name) is { ValueKind: JsonValueKind.String } value && value.GetString() is { } text && text.Trim().Length > 0
            ? text
            : throw new EvaluationFaultException(Place, $"\"{name}\" must be a text that is not empty.");

    /// <summary>A text, or a whole number as text: data sets write ids either way.</summary>
    /// <exception cref="EvaluationFaultException">it is neither</exception>
    public string Id(string name) =>
        Has(name) && Element.GetProperty(name) is { ValueKind: JsonValueKind.Number } value && value.TryGetInt64(out var number)
            ? number.ToString()
            : Text(name);

    public bool Has(string name) => Element.TryGetProperty(name, out _);
}

/// <summary>A file of JSON objects, either one per line or all in one array. Knows no fields.</summary>
internal static class JsonRecords
{
    /// <summary>The objects that can be read; a broken one is a fault of its own.</summary>
    /// <exception cref="EvaluationFaultException">the file is missing or empty, or it is an array that breaks off</exception>
    public static IEnumerable<JsonRecord> Read(string path, Faults faults)
    {
        if (!File.Exists(path)) throw new EvaluationFaultException(path, "there is no such file.");
        var text = ReadText(path);
        if (text.AsSpan().Trim().IsEmpty) throw new EvaluationFaultException(path, "the file is empty.");
        return text.AsSpan().TrimStart()[0] == '[' ? Elements(path, text, faults) : Lines(path, text, faults);
    }

    private static IEnumerable<JsonRecord> Elements(string path, string text, Faults faults)
    {
        using var array = Parse(path, text);
        var number = 0;
        foreach (var element in array.RootElement.EnumerateArray())
            if (Object($"{Path.GetFileName(path)}, element {++number}", element, faults) is { } record)
                yield return record;
    }

    private static IEnumerable<JsonRecord> Lines(string path, string text, Faults faults)
    {
        var number = 0;
        foreach (var line in text.Split('\n'))
        {
            number++;
            if (line.AsSpan().Trim().IsEmpty) continue;
            JsonRecord? record = null;
            var place = $"{Path.GetFileName(path)}, line {number}";
            faults.Try(() =>
            {
                using var document = Parse(place, line);
                record = Object(place, document.RootElement.Clone(), faults);
            });
            if (record is not null) yield return record;
        }
    }

    private static JsonRecord? Object(string place, JsonElement element, Faults faults)
    {
        if (element.ValueKind == JsonValueKind.Object) return new(place, element.Clone());
        faults.Report(new(place, $"must be a JSON object and is {element.ValueKind.ToString().ToLowerInvariant()}."));
        return null;
    }

    private static JsonDocument Parse(string place, string text)
    {
        try
        {
            return JsonDocument.Parse(text);
        }
        catch (JsonException fault)
        {
            throw new EvaluationFaultException(place, $"is not JSON ({fault.Message.Split(". ")[0]}).", fault);
        }
    }

    private static string ReadText(string path)
    {
        try
        {
            return File.ReadAllText(path, new UTF8Encoding(encoderShouldEmitUTF8Identifier: false, throwOnInvalidBytes: true));
        }
        catch (DecoderFallbackException fault)
        {
            throw new EvaluationFaultException(path, "is not UTF-8 text.", fault);
        }
    }
}
