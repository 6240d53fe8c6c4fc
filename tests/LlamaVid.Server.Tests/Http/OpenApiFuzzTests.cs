using System.Net.Http.Headers;
using System.Text.Json;
using System.Text.Json.Nodes;

namespace LlamaVid.Server.Tests.Http;

/// <summary>Walks the OpenAPI document and sends what it describes, bent and broken: no 500, no status that is not documented, no hang, and every error in its form.</summary>
/// <remarks>The seed of a request is in the message of its failure. LLAMAVID_FUZZ_REQUESTS asks for more of them.</remarks>
[Collection(nameof(DefaultServer))]
public sealed class OpenApiFuzzTests(DefaultServer fixture)
{
    private static readonly int Requests = int.TryParse(Environment.GetEnvironmentVariable("LLAMAVID_FUZZ_REQUESTS"), out var count) ? count : 25;

    /// <summary>Longer than any of these requests may take on a busy machine.</summary>
    private static readonly TimeSpan Hang = TimeSpan.FromSeconds(60);

    [Fact]
    public async Task Whatever_is_sent_is_answered_as_documented()
    {
        var document = (await fixture.Server.GetAsync("/openapi/v1.json")).Json;
        var faults = new List<string>();
        var operations = (from path in document.GetProperty("paths").EnumerateObject()
                          where !path.Name.StartsWith("/admin/", StringComparison.Ordinal)         // they read nothing, and would drain the server of other tests
                          from operation in path.Value.EnumerateObject()
                          select (Path: path.Name, Method: operation.Name.ToUpperInvariant(), Operation: operation.Value)).ToArray();
        Assert.True(operations.Length > 10);
        foreach (var (path, method, operation) in operations)
            for (var seed = 0; seed < Requests; seed++)
                if (await FaultOfAsync(path, method, operation, new Random(HashCodeOf(path, method) + seed)) is { } fault)
                    faults.Add($"{method} {path}, seed {seed}: {fault}");
        Assert.True(faults.Count == 0, string.Join('\n', faults.Take(20)));
    }

    private static int HashCodeOf(string path, string method) => (path + method).Aggregate(17, (sum, c) => unchecked(sum * 31 + c));

    private async Task<string?> FaultOfAsync(string path, string method, JsonElement operation, Random random)
    {
        using var request = new HttpRequestMessage(new(method), Address(path, operation, random));
        (HttpContent Content, string Shown)? sent = operation.TryGetProperty("requestBody", out var body) ? Body(body, random) : null;
        request.Content = sent?.Content;
        using var late = CancellationTokenSource.CreateLinkedTokenSource(TestContext.Current.CancellationToken);
        late.CancelAfter(Hang);
        try
        {
            using var response = await fixture.Server.Http.SendAsync(request, late.Token);
            var status = (int)response.StatusCode;
            var text = await response.Content.ReadAsStringAsync(late.Token);
            if (status == 500 || !operation.GetProperty("responses").TryGetProperty($"{status}", out _))
                return $"{status} {Short(text)} for {request.RequestUri} {Short(sent?.Shown ?? "")}";
            return status >= 400 && !IsError(text) ? $"{status} without an error object: {Short(text)}" : null;
        }
        catch (OperationCanceledException) when (!TestContext.Current.CancellationToken.IsCancellationRequested)
        {
            return $"no answer within {Hang.TotalSeconds} s to {request.RequestUri} {Short(sent?.Shown ?? "")}";
        }
    }

    private static string Address(string path, JsonElement operation, Random random)
    {
        var query = new List<string>();
        if (operation.TryGetProperty("parameters", out var parameters))
            foreach (var parameter in parameters.EnumerateArray())
            {
                var name = parameter.GetProperty("name").GetString()!;
                if (parameter.GetProperty("in").GetString() == "path") path = path.Replace($"{{{name}}}", Uri.EscapeDataString(PathText(random)), StringComparison.Ordinal);
                else if (random.Next(2) == 0) query.Add($"{name}={Uri.EscapeDataString(Text(random))}");
            }
        if (random.Next(4) == 0) query.Add($"{Uri.EscapeDataString(Text(random))}={Uri.EscapeDataString(Text(random))}");
        return query.Count == 0 ? path : $"{path}?{string.Join('&', query)}";
    }

    /// <summary>Nothing, dots and NUL would make another address of the path, or none.</summary>
    private static string PathText(Random random) => Text(random) is var text && text.Trim('.').Length > 0 && !text.Contains('\0', StringComparison.Ordinal) ? text : "x";

    private static (HttpContent Content, string Shown) Body(JsonElement body, Random random)
    {
        var contents = body.GetProperty("content").EnumerateObject().ToArray();
        var chosen = contents[random.Next(contents.Length)];
        if (random.Next(8) == 0) return Raw(random, random.Next(2) == 0 ? chosen.Name : "text/plain");
        var schema = chosen.Value.GetProperty("schema");
        var value = chosen.Value.TryGetProperty("examples", out var examples) && random.Next(3) > 0
            ? JsonNode.Parse(examples.EnumerateObject().ElementAt(random.Next(examples.EnumerateObject().Count())).Value.GetProperty("value").GetRawText())!
            : Made(schema, random, depth: 0);
        if (value is JsonObject order && schema.TryGetProperty("properties", out var properties) && properties.TryGetProperty("max_tokens", out _))
            order["max_tokens"] = random.Next(1, 4);
        for (var i = random.Next(3); i > 0; i--) Bend(value, random);
        if (chosen.Name != "multipart/form-data")
        {
            var text = value?.ToJsonString() ?? "null";
            return (new StringContent(text, null, chosen.Name), text);
        }
        var form = new MultipartFormDataContent();
        foreach (var (name, field) in value as JsonObject ?? [])
        {
            var file = schema.GetProperty("properties").TryGetProperty(name, out var described) && described.TryGetProperty("format", out var format) && format.GetString() == "binary";
            var quoted = $"\"{new string([.. name.Where(c => c is >= ' ' and < (char)127 and not '"')])}\"";
            if (file) form.Add(new ByteArrayContent(random.Next(2) == 0 ? Clips.Bytes : Bytes(random)), quoted, "\"a\"");
            else form.Add(new StringContent(field is JsonValue plain && plain.TryGetValue<string>(out var text) ? text : field?.ToJsonString() ?? ""), quoted);
        }
        return (form, value?.ToJsonString() ?? "");
    }

    private static (HttpContent, string) Raw(Random random, string type)
    {
        var content = new ByteArrayContent(Bytes(random));
        content.Headers.ContentType = MediaTypeHeaderValue.Parse(type);
        return (content, $"bytes as {type}");
    }

    /// <summary>A value that the schema describes, more or less.</summary>
    private static JsonNode? Made(JsonElement schema, Random random, int depth)
    {
        if (schema.TryGetProperty("oneOf", out var choices)) return Made(choices[random.Next(choices.GetArrayLength())], random, depth + 1);
        if (schema.TryGetProperty("enum", out var values) && values.GetArrayLength() > 0) return JsonNode.Parse(values[random.Next(values.GetArrayLength())].GetRawText());
        switch (schema.TryGetProperty("type", out var type) && type.ValueKind == JsonValueKind.String ? type.GetString() : "")
        {
            case "object":
                var made = new JsonObject();
                var required = schema.TryGetProperty("required", out var names) ? names.EnumerateArray().Select(name => name.GetString()).ToHashSet() : [];
                if (schema.TryGetProperty("properties", out var properties))
                    foreach (var property in properties.EnumerateObject())
                        if (required.Contains(property.Name) || random.Next(12) == 0)
                            made[property.Name] = Made(property.Value, random, depth + 1);
                return made;
            case "array":
                return depth > 8 || !schema.TryGetProperty("items", out var item) ? new JsonArray() : new JsonArray([.. Enumerable.Range(0, random.Next(1, 3)).Select(_ => Made(item, random, depth + 1))]);
            case "integer":
            case "number":
                return random.Next(3) == 0 ? Odd(random) : JsonValue.Create(random.Next(0, 8));
            case "boolean":
                return random.Next(2) == 0;
            default:
                return random.Next(3) == 0 ? Clips.DataUri : Text(random);
        }
    }

    /// <summary>Somewhere in the value, something is missing, surplus or of another kind.</summary>
    private static void Bend(JsonNode? value, Random random)
    {
        switch (value)
        {
            case JsonObject { Count: > 0 } fields:
                var name = fields.ElementAt(random.Next(fields.Count)).Key;
                if (random.Next(2) == 0 && fields[name] is JsonObject or JsonArray) Bend(fields[name], random);
                else if (random.Next(4) == 0) fields.Remove(name);
                else if (random.Next(4) == 0) fields[Text(random)] = Odd(random);
                else fields[name] = Odd(random);
                break;
            case JsonArray { Count: > 0 } items:
                var index = random.Next(items.Count);
                if (random.Next(2) == 0) Bend(items[index], random);
                else items[index] = Odd(random);
                break;
        }
    }

    private static JsonNode? Odd(Random random) => random.Next(14) switch
    {
        0 => null,
        1 => JsonValue.Create(-1),
        2 => JsonValue.Create(long.MaxValue),
        3 => JsonValue.Create(1e300),
        4 => JsonValue.Create(0.5),
        5 => JsonValue.Create(true),
        6 => new JsonArray(),
        7 => new JsonObject(),
        8 => new JsonArray(new JsonArray(new JsonArray(1))),
        9 => JsonValue.Create(new string('x', 5000)),
        10 => JsonValue.Create(Clips.DataUri),
        11 => new JsonObject { [Text(random)] = Text(random) },
        12 => JsonNode.Parse("123456789012345678901234567890"),
        _ => JsonValue.Create(Text(random)),
    };

    private static string Text(Random random)
    {
        string[] odd = ["", "0", "-1", "1e9", "null", "true", "%", "%00", "../../etc/passwd", "..", "' OR 1=1 --", "\u0000", "\uFEFF", "é漢字🎬", "a b", "{}", "[]", "file-1", "data:,", "http://127.0.0.1:1/", "\r\nx: y"];
        return random.Next(3) == 0 ? new string([.. Enumerable.Range(0, random.Next(1, 20)).Select(_ => (char)random.Next(32, 127))]) : odd[random.Next(odd.Length)];
    }

    private static byte[] Bytes(Random random)
    {
        var bytes = new byte[random.Next(0, 3000)];
        random.NextBytes(bytes);
        return bytes;
    }

    private static bool IsError(string text)
    {
        try
        {
            return JsonElement.Parse(text).GetProperty("error").EnumerateObject().Select(field => field.Name).SequenceEqual(["message", "type", "param", "code"]);
        }
        catch (Exception fault) when (fault is JsonException or KeyNotFoundException or InvalidOperationException)
        {
            return false;
        }
    }

    private static string Short(string text) => text.Length <= 300 ? text : text[..300] + "…";
}
