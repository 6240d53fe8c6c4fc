namespace LlamaVid.Server.Requests;

/// <summary>The client's request cannot be honoured as it is written. Names the field by its JSON path.</summary>
public sealed class InvalidRequestException(string? param, string message, string code = InvalidRequestException.InvalidValue) : Exception(message)
{
    public const string InvalidValue = "invalid_value";
    public const string MissingField = "missing_required_parameter";
    public const string Unsupported = "unsupported_parameter";
    public const string Unknown = "unknown_parameter";
    public const string MalformedJson = "invalid_json";

    public string? Param { get; } = param;
    public string Code { get; } = code;

    internal static InvalidRequestException UnknownField(string path) =>
        new(Shortened(path), $"'{Shortened(path)}' is not a field of this request. See /swagger for those that are.", Unknown);

    internal static InvalidRequestException NotSupported(string path, string message) => new(path, message, Unsupported);

    /// <summary>A client's own words, short enough to be repeated to it.</summary>
    internal static string Shortened(string text) => text.Length <= 100 ? text : text[..100] + "…";
}
