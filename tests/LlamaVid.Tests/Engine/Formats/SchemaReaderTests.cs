using LlamaVid.Engine;

namespace LlamaVid.Tests.Engine.Formats;

public sealed class SchemaReaderTests
{
    private const string Person = """
        {"type":"object","properties":{"name":{"type":"string","minLength":1,"maxLength":3},"age":{"type":"integer","minimum":0,"maximum":120},"tags":{"type":"array","items":{"enum":["a","b"]},"maxItems":2}},
         "required":["name"],"additionalProperties":false}
        """;

    [Theory]
    [InlineData(Person, """{"name":"Bo"}""", true)]
    [InlineData(Person, """{"name": "Bo", "age": 120, "tags": ["a", "b"]}""", true)]
    [InlineData(Person, """{"name":"Bo","tags":[]}""", true)]
    [InlineData(Person, """{}""", false)]
    [InlineData(Person, """{"name":""}""", false)]
    [InlineData(Person, """{"name":"Anna"}""", false)]
    [InlineData(Person, """{"age":1}""", false)]
    [InlineData(Person, """{"name":"Bo","age":121}""", false)]
    [InlineData(Person, """{"name":"Bo","age":1.5}""", false)]
    [InlineData(Person, """{"name":"Bo","tags":["c"]}""", false)]
    [InlineData(Person, """{"name":"Bo","tags":["a","a","a"]}""", false)]
    [InlineData(Person, """{"name":"Bo","more":1}""", false)]
    [InlineData("""{"type":"object"}""", """{"any":[1,{"x":null}]}""", true)]
    [InlineData("""{"properties":{"a":{"type":"null"}}}""", """{"a":null}""", true)]
    [InlineData("""{"properties":{"a":{"type":"null"}}}""", """{"b":1}""", false)]
    [InlineData("""{"properties":{"a":{"type":"null"}},"additionalProperties":{"type":"integer"}}""", """{"a":null,"b":1,"ab":2}""", true)]
    [InlineData("""{"properties":{"a":{"type":"null"}},"additionalProperties":{"type":"integer"}}""", """{"a":1}""", false)]
    [InlineData("""{"additionalProperties":{"type":"boolean"}}""", """{"x":true,"y":false}""", true)]
    [InlineData("""{"required":["z"],"properties":{"a":true}}""", """{"z":7}""", true)]
    [InlineData("""{"type":["string","null"]}""", "null", true)]
    [InlineData("""{"type":["string","null"],"maxLength":2}""", "\"abc\"", false)]
    [InlineData("""{"enum":["a",1,{"b":[true]},null]}""", """{"b":[true]}""", true)]
    [InlineData("""{"enum":["a",1,null],"type":"string"}""", "1", false)]
    [InlineData("""{"const":"x\ny"}""", "\"x\\ny\"", true)]
    [InlineData("""{"anyOf":[{"type":"integer"},{"type":"string","maxLength":1}]}""", "\"q\"", true)]
    [InlineData("""{"oneOf":[{"type":"integer"},{"type":"string"}]}""", "5", true)]
    [InlineData("""{"oneOf":[{"properties":{"k":{"const":"a"}},"required":["k"]},{"properties":{"k":{"const":"b"},"n":{"type":"integer"}},"required":["k","n"]}]}""", """{"k":"b","n":1}""", true)]
    [InlineData("""{"allOf":[{"type":"integer"}]}""", "5", true)]
    [InlineData("""{"type":"array","items":{"type":"integer"},"minItems":2}""", "[1]", false)]
    [InlineData("""{"type":"array","items":{"type":"integer"},"minItems":2}""", "[1, 2, 3]", true)]
    [InlineData("""{"type":"array","prefixItems":[{"type":"integer"},{"type":"string"}],"items":false}""", "[1,\"a\"]", true)]
    [InlineData("""{"type":"array","prefixItems":[{"type":"integer"},{"type":"string"}],"items":false}""", "[1]", true)]
    [InlineData("""{"type":"array","prefixItems":[{"type":"integer"},{"type":"string"}],"items":false,"minItems":2}""", "[1]", false)]
    [InlineData("""{"type":"array","prefixItems":[{"type":"integer"}],"items":{"type":"null"},"minItems":3,"maxItems":3}""", "[1,null,null]", true)]
    [InlineData("""{"type":"array","items":false}""", "[]", true)]
    [InlineData("""{"$defs":{"n":{"type":"object","properties":{"v":{"type":"integer"},"next":{"$ref":"#/$defs/n"}},"required":["v"]}},"$ref":"#/$defs/n"}""", """{"v":1,"next":{"v":2,"next":{"v":3}}}""", true)]
    [InlineData("""{"type":"array","items":{"$ref":"#"}}""", "[[],[[]]]", true)]
    [InlineData("""{"type":"number","exclusiveMinimum":0,"maximum":1}""", "0", false)]
    [InlineData("""{"type":"number","exclusiveMinimum":0,"maximum":1}""", "0.25", true)]
    [InlineData("""{"type":"number","exclusiveMinimum":0,"maximum":1}""", "1.000001", false)]
    [InlineData("""{"type":"integer","minimum":-12,"maximum":-3}""", "-7", true)]
    [InlineData("""{"type":"integer","minimum":-12,"maximum":-3}""", "-13", false)]
    [InlineData("""{"type":"string","format":"date"}""", "\"2024-02-29\"", false)]
    [InlineData("""{"type":"string","format":"date"}""", "\"2024-12-31\"", true)]
    [InlineData("""{"type":"string","format":"date-time"}""", "\"2024-12-31T23:59:59.5+01:00\"", true)]
    [InlineData("""{"type":"string","format":"ipv4"}""", "\"255.256.1.1\"", false)]
    [InlineData("""{"type":"string","pattern":"^[a-c]{2}\\d$"}""", "\"ab1\"", true)]
    [InlineData("""{"type":"string","pattern":"^[a-c]{2}\\d$"}""", "\"ab1 \"", false)]
    [InlineData("""{"type":"string","pattern":"cat"}""", "\"a \\\"cat\\\"\"", true)]
    public void Values_are_taken_as_the_schema_says(string schema, string value, bool taken) => Assert.Equal(taken, Formatted.Schema(schema).Takes(value));

    [Theory]
    [InlineData("5", "")]
    [InlineData("false", "")]
    [InlineData("""{"type":"thing"}""", "type")]
    [InlineData("""{"type":[]}""", "type")]
    [InlineData("""{"type":7}""", "type")]
    [InlineData("""{"minProperties":1}""", "minProperties")]
    [InlineData("""{"type":"object","patternProperties":{}}""", "patternProperties")]
    [InlineData("""{"type":"object","properties":[]}""", "properties")]
    [InlineData("""{"type":"object","properties":{"a":{"not":{}}}}""", "properties.a.not")]
    [InlineData("""{"type":"object","properties":{"a":{"type":"array","items":{"multipleOf":2}}}}""", "properties.a.items.multipleOf")]
    [InlineData("""{"type":"object","required":["a"],"additionalProperties":false}""", "required")]
    [InlineData("""{"type":"object","required":"a"}""", "required")]
    [InlineData("""{"type":"array","uniqueItems":true}""", "uniqueItems")]
    [InlineData("""{"type":"array","contains":{}}""", "contains")]
    [InlineData("""{"type":"array","minItems":3,"maxItems":2}""", "maxItems")]
    [InlineData("""{"type":"array","minItems":-1}""", "minItems")]
    [InlineData("""{"type":"array","minItems":1e9}""", "minItems")]
    [InlineData("""{"type":"array","items":false,"minItems":1}""", "minItems")]
    [InlineData("""{"type":"string","minimum":1}""", "minimum")]
    [InlineData("""{"type":"string","minLength":1.5}""", "minLength")]
    [InlineData("""{"type":"string","pattern":"a","maxLength":3}""", "maxLength")]
    [InlineData("""{"type":"string","pattern":"(?=a)"}""", "pattern")]
    [InlineData("""{"type":"string","pattern":"(a"}""", "pattern")]
    [InlineData("""{"type":"string","pattern":"a{5,2}"}""", "pattern")]
    [InlineData("""{"type":"string","pattern":"a{99999}"}""", "pattern")]
    [InlineData("""{"type":"string","pattern":"\\bword"}""", "pattern")]
    [InlineData("""{"type":"string","pattern":"^a|b$"}""", "pattern")]
    [InlineData("""{"type":"string","format":"hostname"}""", "format")]
    [InlineData("""{"type":"integer","minimum":5,"maximum":4}""", "")]
    [InlineData("""{"type":"integer","exclusiveMinimum":1,"exclusiveMaximum":2}""", "")]
    [InlineData("""{"type":"number","minimum":1e300}""", "minimum")]
    [InlineData("""{"type":"number","minimum":"1"}""", "minimum")]
    [InlineData("""{"enum":[]}""", "enum")]
    [InlineData("""{"enum":[1],"type":"string"}""", "enum")]
    [InlineData("""{"enum":["a"],"minLength":1}""", "minLength")]
    [InlineData("""{"anyOf":[]}""", "anyOf")]
    [InlineData("""{"anyOf":[{}],"type":"object"}""", "type")]
    [InlineData("""{"oneOf":[{"type":"integer"},{"type":"number"}]}""", "oneOf")]
    [InlineData("""{"oneOf":[{"properties":{"k":{"const":"a"}}},{"properties":{"k":{"const":"b"}}}]}""", "oneOf")]
    [InlineData("""{"allOf":[{},{}]}""", "allOf")]
    [InlineData("""{"$ref":"https://example.com/x"}""", "$ref")]
    [InlineData("""{"$ref":"#/nowhere"}""", "$ref")]
    [InlineData("""{"$ref":"#"}""", "$ref")]
    [InlineData("""{"$ref":5}""", "$ref")]
    [InlineData("""{"$defs":{"a":{"anyOf":[{"$ref":"#/$defs/b"},{"type":"null"}]},"b":{"$ref":"#/$defs/a"}},"$ref":"#/$defs/a"}""", "$defs.b.$ref")]
    [InlineData("""{"type":"object","properties":{"a":{"$ref":"#"}},"required":["a"]}""", "")]
    [InlineData("""{"type":"object","properties":{"a":{"type":"array","items":{"$ref":"#/properties/a"},"minItems":1}}}""", "")]
    [InlineData("""{"properties":{"a":{"$id":"x"}}}""", "properties.a.$id")]
    [InlineData("""{"enum":["\ud800"]}""", "")]
    public void What_is_not_understood_is_refused_by_its_place(string schema, string path)
    {
        var fault = Assert.Throws<FormatNotSupportedException>(() => Formatted.Schema(schema));
        Assert.Equal(path, fault.Path);
        Assert.EndsWith(".", fault.Message);
    }

    [Fact]
    public void Names_of_others_are_none_of_those_named()
    {
        var format = Formatted.Schema("""{"properties":{"a":{"const":1},"ab":{"const":2},"é":{"const":3}},"additionalProperties":{"const":0}}""");
        foreach (var name in (string[])["", "b", "aa", "abc", "éa", "漢", "A"]) Assert.True(format.Takes($"{{\"{name}\":0}}"), name);
        foreach (var name in (string[])["a", "ab", "é", "\\u0061", "\\\\"]) Assert.False(format.Takes($"{{\"{name}\":0}}"), name);
        Assert.True(format.Takes("""{"a":1,"ab":2,"é":3,"x":0}"""));
    }

    [Fact]
    public void Large_and_deep_schemas_are_refused_or_read_at_once()
    {
        var many = $$"""{"anyOf":[{{string.Join(',', Enumerable.Repeat("{}", 6000))}}]}""";
        Assert.Throws<FormatNotSupportedException>(() => Formatted.Schema(many));
        Assert.Throws<FormatNotSupportedException>(() => Formatted.Schema($$"""{"enum":[{{string.Join(',', Enumerable.Range(0, 6000))}}]}"""));
        Assert.Throws<FormatNotSupportedException>(() => Formatted.Schema(Properties(501)));
        Assert.True(Formatted.Schema(Properties(500)).Takes("""{"p3":null,"p499":null}"""));

        // Each definition holds the next one twice: all together 2^40 paths.
        var doubling = string.Join(',', Enumerable.Range(0, 40).Select(i => $$"""
            "d{{i}}":{"type":"array","prefixItems":[{"$ref":"#/$defs/d{{i + 1}}"},{"$ref":"#/$defs/d{{i + 1}}"}]}
            """));
        Assert.True(Formatted.Schema($$$"""{"$defs":{{{{doubling}}},"d40":{"type":"null"}},"$ref":"#/$defs/d0"}""").Takes("[[[]],[]]"));
    }

    private static string Properties(int count) =>
        $$"""{"properties":{ {{string.Join(',', Enumerable.Range(0, count).Select(i => $"\"p{i}\":{{\"type\":\"null\"}}"))}} } }""";

    [Fact]
    public void A_pattern_that_leaves_too_many_ways_open_is_given_up()
    {
        var format = Formatted.Schema("""{"type":"string","pattern":"^((((a{0,900}){0,900}){0,900}){0,900})b$"}""");
        Assert.Throws<FormatTooComplexException>(() => format.Takes($"\"{new string('a', 3000)}b\""));
    }
}
