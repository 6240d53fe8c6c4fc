namespace LlamaVid.Server.Requests;

/// <summary>Values of a query string, or a refusal that names them.</summary>
internal static class Query
{
    /// <exception cref="InvalidRequestException">the query has a name that is none of these</exception>
    public static void Allow(HttpContext context, params ReadOnlySpan<string> names)
    {
        foreach (var name in context.Request.Query.Keys)
            if (!names.Contains(name, StringComparer.OrdinalIgnoreCase))
                throw InvalidRequestException.UnknownField(name);
    }

    /// <summary>The id that the page before ended with; null for the first page.</summary>
    public static string? After(string? id, string prefix) =>
        string.IsNullOrEmpty(id) ? null : id.StartsWith(prefix, StringComparison.Ordinal) ? id : throw Wrong("after", id, "must be the last_id of the page before");

    public static int Integer(string name, string? text, int min, int max, int otherwise) =>
        string.IsNullOrEmpty(text) ? otherwise
        : int.TryParse(text, out var value) && value >= min && value <= max ? value
        : throw Wrong(name, text, $"must be a whole number between {min} and {max}");

    public static T Choice<T>(string name, string? text, IReadOnlyDictionary<string, T> values, T otherwise) =>
        string.IsNullOrEmpty(text) ? otherwise : values.TryGetValue(text, out var value) ? value : throw Wrong(name, text, $"must be one of {string.Join(", ", values.Keys)}");

    private static InvalidRequestException Wrong(string name, string text, string claim) =>
        new(name, $"'{name}' is '{InvalidRequestException.Shortened(text)}'; it {claim}.");
}
