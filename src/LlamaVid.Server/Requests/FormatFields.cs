using LlamaVid.Engine;
using Microsoft.OpenApi;

namespace LlamaVid.Server.Requests;

/// <summary>The fields that give the answer a form: OpenAI's <c>response_format</c> and vLLM's names of the same.</summary>
internal static class FormatFields
{
    private const int MostTexts = 1000;

    private const string SchemaText =
        "A JSON Schema. Understood: type, properties, required, additionalProperties, items, prefixItems, minItems, maxItems, enum, const, anyOf, oneOf (of alternatives that " +
        "exclude each other), allOf (of one), $ref, $defs, minLength, maxLength, pattern, format, minimum, maximum and their exclusive forms. Any other keyword is refused.";

    public static IEnumerable<Field<ChatDraft>> All =>
    [
        new("response_format", "`json_object`: the answer is a JSON object. `json_schema`: it is valid under the schema. An answer that `max_tokens` cuts off ends with `length`.",
            () => Format.Schema(), (draft, value) => ReadFormat(draft, value)),
        new("guided_json", "vLLM's way to say `response_format.json_schema.schema`.", AnySchema, (draft, value) => Set(draft, value, JsonSchema(value))),
        new("guided_choice", "The answer is one of these texts.", TextsSchema, (draft, value) => Set(draft, value, Choice(value))),
        Field.Text<ChatDraft>("guided_regex", "The answer matches this regular expression, as a whole.", (_, _) => { }) with { Read = (draft, value) => Set(draft, value, Pattern(value)) },
        Field.Object("structured_outputs", new FieldTable<ChatDraft>(
            new("json", "The same as `guided_json`.", AnySchema, (draft, value) => Set(draft, value, JsonSchema(value))),
            new("choice", "The same as `guided_choice`.", TextsSchema, (draft, value) => Set(draft, value, Choice(value))),
            Field.Text<ChatDraft>("regex", "The same as `guided_regex`.", (_, _) => { }) with { Read = (draft, value) => Set(draft, value, Pattern(value)) }),
            "vLLM's newer names of the guided fields."),
    ];

    private static readonly FieldTable<FormatDraft> Named = new(
        Field.Harmless<FormatDraft>("name"), Field.Harmless<FormatDraft>("description"), Field.Harmless<FormatDraft>("strict"),
        new Field<FormatDraft>("schema", SchemaText, AnySchema, (draft, value) => draft.Schema = JsonSchema(value), Required: true));

    private static readonly FieldTable<FormatDraft> Format = new(
        Field.Choice<FormatDraft, string>("type", new Dictionary<string, string> { ["text"] = "text", ["json_object"] = "json_object", ["json_schema"] = "json_schema" },
            "The kind of form.", (draft, type) => draft.Type = type) with { Required = true },
        Field.Object("json_schema", Named, "With the type `json_schema`."));

    private static void ReadFormat(ChatDraft draft, JsonCursor value)
    {
        var format = new FormatDraft();
        Format.Read(value, format);
        if (format.Type != "json_schema" && format.Schema is not null)
            throw new InvalidRequestException($"{value.Path}.json_schema", $"'{value.Path}.json_schema' needs the type 'json_schema'; it is '{format.Type}'.");
        if (format.Type == "json_schema")
            Set(draft, value, format.Schema ?? throw FieldTable<FormatDraft>.Missing(value.Path, "json_schema"));
        else if (format.Type == "json_object")
            Set(draft, value, AnswerFormat.JsonObject());
    }

    private static void Set(ChatDraft draft, JsonCursor value, AnswerFormat format)
    {
        if (draft.FormatPath is { } before)
            throw new InvalidRequestException(value.Path, $"'{value.Path}' gives the answer a second form, after '{before}'. Send one of them.");
        (draft.Format, draft.FormatPath) = (format, value.Path);
    }

    private static AnswerFormat JsonSchema(JsonCursor value) => Supported(value, () => AnswerFormat.JsonSchema(value.Element));

    private static AnswerFormat Pattern(JsonCursor value) => Supported(value, () => AnswerFormat.Pattern(value.Text()));

    private static AnswerFormat Choice(JsonCursor value)
    {
        string[] texts = [.. value.Items(MostTexts).Select(item => item.Text() is { Length: > 0 and <= 1000 } text ? text : throw item.Wrong("must have 1 to 1000 characters"))];
        return texts.Length > 0 ? AnswerFormat.Choice(texts) : throw value.Wrong("must hold at least one text");
    }

    private static AnswerFormat Supported(JsonCursor value, Func<AnswerFormat> read)
    {
        try
        {
            return read();
        }
        catch (FormatNotSupportedException fault)
        {
            var path = InvalidRequestException.Shortened(fault.Path.Length == 0 ? value.Path : $"{value.Path}.{fault.Path}");
            throw InvalidRequestException.NotSupported(path, $"'{path}' {fault.Message}");
        }
    }

    private static OpenApiSchema AnySchema() => new() { Type = JsonSchemaType.Object | JsonSchemaType.Boolean, AdditionalPropertiesAllowed = true };

    private static OpenApiSchema TextsSchema() => new() { Type = JsonSchemaType.Array, MinItems = 1, MaxItems = MostTexts, Items = new OpenApiSchema { Type = JsonSchemaType.String } };

    private sealed class FormatDraft
    {
        public string Type { get; set; } = "";
        public AnswerFormat? Schema { get; set; }
    }
}
