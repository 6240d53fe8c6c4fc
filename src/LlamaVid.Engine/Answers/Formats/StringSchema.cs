namespace LlamaVid.Engine;

/// <summary>The strings that a schema allows: by length, by pattern, or by a format that a pattern can say.</summary>
internal static class StringSchema
{
    private const string Day = "(0[1-9]|1\\d|2[0-8])", Time = "([01]\\d|2[0-3]):[0-5]\\d:[0-5]\\d(\\.\\d{1,6})?(Z|[+-]([01]\\d|2[0-3]):[0-5]\\d)";
    private const string Date = $"[1-9]\\d{{3}}-((0[1-9]|1[0-2])-{Day}|(0[13-9]|1[0-2])-(29|30)|(0[13578]|1[02])-31)";
    private const string Byte = "(25[0-5]|2[0-4]\\d|1\\d\\d|[1-9]?\\d)";

    private static readonly Dictionary<string, string> Formats = new()
    {
        ["date"] = Date,
        ["time"] = Time,
        ["date-time"] = $"{Date}T{Time}",
        ["uuid"] = "[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}",
        ["ipv4"] = $"{Byte}(\\.{Byte}){{3}}",
        ["email"] = "[a-z0-9]{1,16}([._+-][a-z0-9]{1,16}){0,2}@[a-z0-9]{1,16}(-[a-z0-9]{1,16})?(\\.[a-z]{2,8}){1,3}",
    };

    public static Rule Read(SchemaPlace schema)
    {
        string[] said = [.. ((string[])["pattern", "format", "minLength", "maxLength"]).Where(name => schema.Find(name) is not null)];
        if (said is not [var first, ..]) return JsonRules.String();
        if (first is "pattern" or "format" && said.Length > 1) throw schema.In(said[1]).Refused($"stands beside '{first}', which is understood alone only.");
        if (first == "pattern") return JsonRules.Quoted(PatternReader.Within(schema.In("pattern")));
        if (first == "format")
            return Formats.TryGetValue(schema.In("format").Text(), out var pattern)
                ? JsonRules.Quoted(PatternReader.Whole(pattern))
                : throw schema.In("format").Refused($"must be one of {string.Join(", ", Formats.Keys)}.");
        var (min, max) = SchemaReader.Bounds(schema, "minLength", "maxLength");
        return JsonRules.String(min, max);
    }
}
