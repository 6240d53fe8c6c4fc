using System.Text.Json.Nodes;

namespace LlamaVid.Tests.Engine.Formats;

/// <summary>Schemas of every understood keyword, drawn at random. Their strings and lists are short, so that answers end.</summary>
internal sealed class RandomSchema(Random random)
{
    private static readonly string[] Names = ["a", "b", "name", "ab", "é", "x y", "\"q\"", "kind"];
    private static readonly string[] Patterns = ["^[a-f]{1,4}$", "^(yes|no)$", "^\\d{2}:\\d{2}$", "^x?y{0,3}z$", "^[^\"a-z]$", "^\\w{1,3}-.$"];
    private static readonly string[] Formats = ["date", "time", "date-time", "uuid", "ipv4", "email"];

    /// <summary>With a list that holds itself beside the drawn schema, now and then.</summary>
    public JsonObject Root()
    {
        if (random.Next(5) > 0) return Schema(3);
        return new()
        {
            ["$defs"] = new JsonObject
            {
                ["node"] = new JsonObject
                {
                    ["type"] = "object", ["additionalProperties"] = false, ["required"] = new JsonArray("v"),
                    ["properties"] = new JsonObject { ["v"] = Schema(1), ["next"] = new JsonObject { ["anyOf"] = new JsonArray(Ref(), new JsonObject { ["type"] = "null" }) } },
                },
            },
            ["$ref"] = "#/$defs/node",
        };

        static JsonObject Ref() => new() { ["$ref"] = "#/$defs/node" };
    }

    private JsonObject Schema(int depth) => random.Next(depth > 0 ? 12 : 8) switch
    {
        0 => new() { ["type"] = random.Next(2) == 0 ? "boolean" : "null" },
        1 => Number(),
        2 => Number(),
        3 => new() { ["type"] = "string", ["minLength"] = random.Next(3), ["maxLength"] = 3 + random.Next(5) },
        4 => new() { ["type"] = "string", ["pattern"] = Patterns[random.Next(Patterns.Length)] },
        5 => new() { ["enum"] = new JsonArray("red", 7, null, true, "gr\"ün", new JsonObject { ["k"] = new JsonArray(1.5) }) },
        6 => new() { ["const"] = random.Next(2) == 0 ? "fixed\n" : -12 },
        7 => new() { ["type"] = "string", ["format"] = Formats[random.Next(Formats.Length)] },
        8 => new() { ["anyOf"] = new JsonArray(Schema(depth - 1), Schema(depth - 1)), ["description"] = "either" },
        9 => new() { ["oneOf"] = new JsonArray(Tagged("one", depth), Tagged("two", depth), new JsonObject { ["type"] = new JsonArray("null", "boolean") }) },
        10 => List(depth),
        _ => Object(depth),
    };

    private JsonObject Number()
    {
        var schema = new JsonObject { ["type"] = random.Next(2) == 0 ? "integer" : "number" };
        var least = random.Next(-500, 500);
        if (random.Next(2) == 0) schema[random.Next(2) == 0 ? "minimum" : "exclusiveMinimum"] = least;
        if (random.Next(2) == 0) schema[random.Next(2) == 0 ? "maximum" : "exclusiveMaximum"] = least + 2 + random.Next(1000) / (schema["type"]!.GetValue<string>() == "integer" ? 1 : 100.0);
        return schema;
    }

    private JsonObject List(int depth)
    {
        var (min, schema) = (random.Next(3), new JsonObject { ["type"] = "array" });
        if (random.Next(3) == 0) schema["prefixItems"] = new JsonArray(Schema(depth - 1), Schema(depth - 1));
        schema["items"] = Schema(depth - 1);
        (schema["minItems"], schema["maxItems"]) = (min, min + random.Next(3));
        return schema;
    }

    private JsonObject Object(int depth)
    {
        var names = Names.OrderBy(_ => random.Next()).Take(random.Next(1, 4)).ToArray();
        var schema = new JsonObject { ["type"] = "object", ["properties"] = new JsonObject(names.Select(name => KeyValuePair.Create(name, (JsonNode?)Schema(depth - 1)))) };
        schema["required"] = new JsonArray([.. names.Where(_ => random.Next(2) == 0).Select(name => (JsonNode)name)]);
        if (random.Next(2) == 0) schema["additionalProperties"] = false;
        return schema;
    }

    private JsonObject Tagged(string tag, int depth) => new()
    {
        ["type"] = "object", ["properties"] = new JsonObject { ["kind"] = new JsonObject { ["const"] = tag }, ["value"] = Schema(depth - 1) },
        ["required"] = new JsonArray("kind"), ["additionalProperties"] = false,
    };
}
