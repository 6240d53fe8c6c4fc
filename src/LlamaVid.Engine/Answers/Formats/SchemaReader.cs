using System.Text.Json;

namespace LlamaVid.Engine;

/// <summary>From a JSON Schema to the rule of its values. What it does not understand it refuses by its place: no keyword is ever ignored.</summary>
internal sealed class SchemaReader
{
    private const int MostSchemas = 5_000, MostValues = 5_000, MostProperties = 500, MostRepeats = 1_000_000;

    private static readonly HashSet<string> Notes =
    [
        "$schema", "$id", "$comment", "$defs", "definitions", "title", "description", "default", "examples", "deprecated", "readOnly", "writeOnly",
    ];

    private static readonly Dictionary<string, string[]> Keywords = new()
    {
        ["object"] = ["properties", "required", "additionalProperties"],
        ["array"] = ["items", "prefixItems", "minItems", "maxItems", "uniqueItems"],
        ["string"] = ["minLength", "maxLength", "pattern", "format"],
        ["number"] = ["minimum", "maximum", "exclusiveMinimum", "exclusiveMaximum"],
    };

    private static readonly string[] Types = ["object", "array", "string", "number", "integer", "boolean", "null"];

    private readonly SchemaPlace _root;
    private readonly Dictionary<string, Rule> _references = [];
    private HashSet<string> _open = [];                                     // references that lead here with nothing in between
    private int _schemas, _values;

    private SchemaReader(SchemaPlace root) => _root = root;

    /// <exception cref="FormatNotSupportedException">see <see cref="AnswerFormat.JsonSchema"/></exception>
    public static Rule Read(JsonElement schema)
    {
        var root = new SchemaPlace(schema, "");
        var rule = new SchemaReader(root).Read(root);
        return RuleEnds.AllEnd(rule) ? rule : throw root.Refused("has a part that holds itself and can never end. Make that property optional, or its list empty at least.");
    }

    private Rule Read(SchemaPlace schema)
    {
        if (++_schemas > MostSchemas) throw schema.Refused($"is one of more than {MostSchemas} schemas. Use a smaller one.");
        if (schema.IsTrue) return JsonRules.Any;
        if (!schema.IsObject) throw schema.Refused(schema.IsFalse ? "is false: no value is valid." : "must be an object or true.");

        if (schema.Path.Length > 0 && schema.Find("$id") is { } id) throw id.Refused("is understood at the root only.");
        var said = schema.Names.Where(name => !Notes.Contains(name)).ToHashSet();
        foreach (var alone in (string[])["$ref", "anyOf", "oneOf", "allOf", "enum", "const"])
        {
            if (!said.Contains(alone)) continue;
            if (said.FirstOrDefault(name => name != alone && name != "type") is { } beside) throw schema.In(beside).Refused($"stands beside '{alone}', which is understood alone only.");
            if (said.Contains("type") && alone is not ("enum" or "const")) throw schema.In("type").Refused($"stands beside '{alone}', which is understood alone only.");
            return alone switch
            {
                "$ref" => Reference(schema.In(alone)),
                "enum" or "const" => Values(schema, alone),
                _ => Union(schema.In(alone), alone),
            };
        }

        var types = SchemaTypes.Of(schema, said, Keywords);
        foreach (var name in said)
            if (name != "type" && !types.Any(type => Keywords.GetValueOrDefault(type == "integer" ? "number" : type, []).Contains(name)))
                throw schema.In(name).Refused(Keywords.Values.Any(known => known.Contains(name)) ? $"does not apply to the type {string.Join(" or ", types)}." : "is not understood.");
        return Rule.Or([.. types.Select(type => OfType(schema, type))]);
    }

    private Rule OfType(SchemaPlace schema, string type) => type switch
    {
        "object" => Inside(() => ObjectOf(schema)),
        "array" => Inside(() => ArrayOf(schema)),
        "string" => StringSchema.Read(schema),
        "number" or "integer" => NumberOf(schema, type == "integer"),
        "boolean" => JsonRules.Boolean,
        _ => JsonRules.Null,
    };

    private Rule ObjectOf(SchemaPlace schema)
    {
        var declared = schema.Find("properties");
        var extra = schema.Find("additionalProperties");
        var required = schema.Find("required")?.Texts() ?? [];
        var names = declared?.RequireObject().Names.ToList() ?? [];
        if (names.Count > MostProperties) throw declared!.Refused($"has {names.Count} properties; the limit is {MostProperties}.");
        var properties = names.Select(name => new ObjectProperty(name, Read(declared!.In(name)), required.Contains(name))).ToList();

        // Where nothing is said of other properties there may be any: they are written only where no property is named.
        Rule? others = extra is null ? names.Count == 0 ? JsonRules.Any : null : extra.IsFalse ? null : Read(extra);
        foreach (var name in required.Except(names))
            properties.Add(new(name, extra is null ? JsonRules.Any : others ?? throw schema.In("required").Refused($"asks for '{name}', which 'additionalProperties' forbids."), true));
        return new ObjectRules(properties, others).Whole;
    }

    private Rule ArrayOf(SchemaPlace schema)
    {
        if (schema.Find("uniqueItems") is { IsFalse: false } unique) throw unique.Refused("is understood only as false.");
        var (min, max) = Bounds(schema, "minItems", "maxItems");
        List<Rule> first = [.. (schema.Find("prefixItems")?.Items() ?? []).Select(Read)];
        var items = schema.Find("items");
        var others = items is null ? first.Count == 0 || min > first.Count ? JsonRules.Any : null : items.IsFalse ? null : Read(items);
        if (others is null && min > first.Count) throw schema.In("minItems").Refused($"asks for {min} items; no more than {first.Count} are allowed.");
        return JsonRules.Array(first, others, min, max);
    }

    private static Rule NumberOf(SchemaPlace schema, bool whole)
    {
        var bounds = Keywords["number"].Select(name => schema.Find(name)?.Decimal()).ToArray();
        if (bounds.All(bound => bound is null)) return whole ? JsonRules.WholeNumber : JsonRules.Number;
        var min = bounds[2] is { } above && !(bounds[0] > above) ? (above, true) : (bounds[0], false);
        var max = bounds[3] is { } below && !(bounds[1] < below) ? (below, true) : (bounds[1], false);
        return NumberBounds.Of(min.Item1, min.Item2, max.Item1, max.Item2, whole) is { } within
            ? new Rule.Digits(new(within))
            : throw schema.Refused("has bounds that no number can be written between.");
    }

    private Rule Values(SchemaPlace schema, string name)
    {
        var place = schema.In(name);
        var types = schema.Find("type") is null ? null : SchemaTypes.Named(schema.In("type"), Types);
        var values = (name == "const" ? [place.Value] : place.Items().Select(item => item.Value)).Where(value => types is null || types.Any(type => SchemaTypes.Is(value, type))).ToArray();
        if ((_values += values.Length) > MostValues) throw place.Refused($"brings the schema to more than {MostValues} values. Use fewer.");
        return values.Length > 0 ? Rule.Or([.. values.Select(JsonRules.Literal)]) : throw place.Refused("holds no value of the type.");
    }

    private Rule Union(SchemaPlace place, string keyword)
    {
        var parts = place.Items();
        if (parts.Count == 0) throw place.Refused("is empty.");
        if (keyword == "allOf" && parts.Count > 1) throw place.Refused("is understood with one schema only.");
        if (keyword == "oneOf" && !new SchemaDifferences(_root).AllDiffer(parts))
            throw place.Refused("has alternatives that one value could fulfil together. Let them differ in type, or in the constant of a required property; or use anyOf.");
        return Rule.Or([.. parts.Select(Read)]);
    }

    private Rule Reference(SchemaPlace place)
    {
        var target = _root.Resolve(place);
        if (!_open.Add(target.Path)) throw place.Refused("leads back to itself with nothing in between.");
        try
        {
            if (_references.TryGetValue(target.Path, out var known)) return known;
            Rule? made = null;
            var later = _references[target.Path] = new Rule.Later(() => made!);
            made = Read(target);
            return later;
        }
        finally
        {
            _open.Remove(target.Path);
        }
    }

    /// <summary>Within an object or a list: what leads here has something in between.</summary>
    private Rule Inside(Func<Rule> read)
    {
        var outside = _open;
        _open = [];
        try
        {
            return read();
        }
        finally
        {
            _open = outside;
        }
    }

    internal static (int Min, int? Max) Bounds(SchemaPlace schema, string least, string most)
    {
        var (min, max) = (schema.Find(least)?.Count(MostRepeats) ?? 0, schema.Find(most)?.Count(MostRepeats));
        return max < min ? throw schema.In(most).Refused($"is {max}, less than '{least}', {min}.") : (min, max);
    }
}
