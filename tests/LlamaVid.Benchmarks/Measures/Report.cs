using System.Text.Json;
using System.Text.Json.Nodes;
using System.Text.Json.Serialization;

namespace LlamaVid.Benchmarks.Measures;

/// <summary>Ends a run: one JSON document with the numbers and what they depend on, as the last line of standard output and, if asked for, in a file.</summary>
internal static class Report
{
    private static readonly JsonSerializerOptions Wire = new()
    {
        PropertyNamingPolicy = JsonNamingPolicy.SnakeCaseLower,
        DictionaryKeyPolicy = null,
        NumberHandling = JsonNumberHandling.AllowNamedFloatingPointLiterals,
        Converters = { new RoundedNumber(), new JsonStringEnumConverter(JsonNamingPolicy.SnakeCaseLower) },
    };

    private static readonly JsonSerializerOptions Readable = new() { WriteIndented = true };

    public static JsonNode? Json(object? value) => JsonSerializer.SerializeToNode(value, Wire);

    /// <param name="options">what was asked for</param>
    /// <param name="results">further fields of the document</param>
    /// <param name="file">null for none</param>
    public static void End(string benchmark, Machine machine, object options, JsonObject results, string? file)
    {
        var document = new JsonObject
        {
            ["benchmark"] = benchmark, ["commit"] = Machine.Commit(), ["machine"] = Json(machine), ["options"] = Json(options),
        };
        foreach (var (name, value) in results.ToArray())
        {
            results.Remove(name);
            document[name] = value;
        }
        if (file is not null)
        {
            Directory.CreateDirectory(Path.GetDirectoryName(Path.GetFullPath(file))!);
            File.WriteAllText(file, document.ToJsonString(Readable) + "\n");
        }
        Console.Out.WriteLine(document.ToJsonString());
    }

    /// <summary>Four places behind the point: more would be noise.</summary>
    private sealed class RoundedNumber : JsonConverter<double>
    {
        private const int Places = 4;

        public override double Read(ref Utf8JsonReader reader, Type typeToConvert, JsonSerializerOptions options) => reader.GetDouble();

        public override void Write(Utf8JsonWriter writer, double value, JsonSerializerOptions options) => writer.WriteNumberValue(Math.Round(value, Places));
    }
}
