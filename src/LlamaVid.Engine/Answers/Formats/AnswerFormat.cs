using System.Text.Json;

namespace LlamaVid.Engine;

/// <summary>The form that an answer has to have. Tokens that do not fit are not drawn, so what is written fits at every moment.</summary>
public sealed class AnswerFormat
{
    private AnswerFormat(Rule content) => Rule = Engine.Rule.Then(JsonRules.Gap, content);          // white space around answers is trimmed

    internal Rule Rule { get; }

    /// <summary>Some JSON object.</summary>
    public static AnswerFormat JsonObject() => new(JsonRules.AnyObject);

    /// <summary>A JSON value that is valid under a schema; docs/json-schema.md has what of JSON Schema is understood.</summary>
    /// <exception cref="FormatNotSupportedException">the schema says what is not understood, or what no value fulfils</exception>
    public static AnswerFormat JsonSchema(JsonElement schema)
    {
        try
        {
            return new(SchemaReader.Read(schema));
        }
        catch (Exception fault) when (fault is JsonException or InvalidOperationException or ArgumentException)          // half of a surrogate pair, somewhere
        {
            throw new FormatNotSupportedException("", "holds text that is not valid Unicode.");
        }
    }

    /// <summary>One of these texts.</summary>
    public static AnswerFormat Choice(IReadOnlyList<string> texts) => new(Engine.Rule.Or([.. texts.Select(Engine.Rule.Text)]));

    /// <summary>A text that matches a regular expression from its beginning to its end.</summary>
    /// <exception cref="FormatNotSupportedException">the expression is not understood</exception>
    public static AnswerFormat Pattern(string pattern) => new(PatternReader.Whole(pattern));
}

/// <summary>A format asks for what cannot be kept here.</summary>
/// <param name="path">where inside the schema, as <c>properties.name.pattern</c>; empty for its root</param>
public sealed class FormatNotSupportedException(string path, string message) : Exception(message)
{
    public string Path { get; } = path;
}

/// <summary>A format leaves so many ways open at one place that they cannot be followed.</summary>
public sealed class FormatTooComplexException()
    : Exception("The format leaves too many ways open at one place. Use fewer alternatives, or a simpler pattern.");
