using System.Text;
using System.Text.Json;
using LlamaVid.Engine;

namespace LlamaVid.Tests.Engine.Formats;

public sealed class JsonFormatTests
{
    private static readonly AnswerFormat Any = Formatted.Schema("true");

    [Theory]
    [InlineData("{}")]
    [InlineData(" {\"a\": [1, -2.5e+3, true, false, null, \"x\"], \"b\": {\"c\": []}}")]
    [InlineData("[]")]
    [InlineData("\"\\u00e9\\n\\\"\\\\ é 漢 😀\"")]
    [InlineData("0")]
    [InlineData("-0.5")]
    [InlineData("{\n  \"a\": 1,\n  \"b\": [\n    2\n  ]\n}")]
    public void Json_is_taken(string json) => Assert.True(Any.Takes(json));

    [Theory]
    [InlineData("{")]
    [InlineData("{\"a\"}")]
    [InlineData("{\"a\":1,}")]
    [InlineData("[1,]")]
    [InlineData("[1 2]")]
    [InlineData("01")]
    [InlineData("1.")]
    [InlineData("+1")]
    [InlineData("1e")]
    [InlineData("NaN")]
    [InlineData("tru")]
    [InlineData("'a'")]
    [InlineData("\"a\nb\"")]
    [InlineData("\"\\x\"")]
    [InlineData("\"\\ud83d\"")]
    [InlineData("{}{}")]
    [InlineData("{} x")]
    public void What_is_no_json_is_not(string text) => Assert.False(Any.Takes(text));

    [Fact]
    public void Bytes_that_are_no_utf8_are_not_taken()
    {
        Assert.True(Any.Takes([(byte)'"', 0xF0, 0x9F, 0x98, 0x80, (byte)'"']));
        foreach (var bad in (byte[][])[[0x80], [0xC0, 0xAF], [0xE0, 0x80, 0x80], [0xED, 0xA0, 0x80], [0xF4, 0x90, 0x80, 0x80], [0xFF], [0xC3]])
            Assert.False(Any.Takes([(byte)'"', .. bad, (byte)'"']));
    }

    [Fact]
    public void Only_objects_are_objects()
    {
        Assert.True(AnswerFormat.JsonObject().Takes("{\"a\": [1]}"));
        Assert.False(AnswerFormat.JsonObject().Takes("[1]"));
    }

    [Fact]
    public void What_is_drawn_is_json()
    {
        var random = new Random(1);
        var drawn = Enumerable.Range(0, 200).Select(_ => AnswerFormat.JsonObject().Draw(random)).OfType<string>().ToArray();
        Assert.True(drawn.Length > 100);
        Assert.All(drawn, text => Assert.Equal(JsonValueKind.Object, JsonElement.Parse(text, new() { MaxDepth = 100 }).ValueKind));
    }

    [Fact]
    public void Characters_of_every_plane_are_taken_and_surrogates_are_not()
    {
        for (var value = 0x20; value <= 0x10FFFF; value += 37)
        {
            if (value is '"' or '\\' or (>= 0xD800 and <= 0xDFFF)) continue;
            Assert.True(Any.Takes($"\"{new Rune(value)}\""), $"{value:x}");
        }
    }

    [Fact]
    public void Texts_are_chosen_from()
    {
        var format = AnswerFormat.Choice(["yes", "no", "not sure"]);
        Assert.All((string[])["yes", "no", "not sure", " yes"], text => Assert.True(format.Takes(text)));
        Assert.All((string[])["", "not", "nos", "maybe"], text => Assert.False(format.Takes(text)));
    }
}
