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

    /// <summary>A client's own words, short enough to be repeated to it.</summary>
    internal static string Shortened(string text) => text.Length <= 40 ? text : text[..40] + "…";
}
