using System.Text.RegularExpressions;
using CsCheck;
using LlamaVid.Engine;

namespace LlamaVid.Tests.Engine.Formats;

public sealed class PatternReaderTests
{
    [Theory]
    [InlineData("a+b*c?")]
    [InlineData("(ab|a|b){1,3}")]
    [InlineData("[a-b]{2}|c{2,}")]
    [InlineData("[^a]b.")]
    [InlineData("a(?:b|)c?")]
    [InlineData("(a*)*b")]
    [InlineData("\\w\\W?a")]
    [InlineData("a.?\\x62")]
    [InlineData("")]
    public void The_same_texts_match_as_with_regular_expressions(string pattern)
    {
        var format = AnswerFormat.Pattern($"^{pattern}$".Contains('|', StringComparison.Ordinal) ? $"^({pattern})$" : $"^{pattern}$");
        var regex = new Regex($"^(?:{pattern})\\z", RegexOptions.ECMAScript);
        Gen.Char["abc-"].Array[0, 7].Select(letters => new string(letters)).Sample(text => Assert.Equal(regex.IsMatch(text), format.Takes(text)));
    }

    [Theory]
    [InlineData("b")]
    [InlineData("^a")]
    [InlineData("c$")]
    [InlineData("a.c")]
    public void In_a_schema_a_part_may_match(string pattern)
    {
        var format = AnswerFormat.JsonSchema(System.Text.Json.JsonSerializer.SerializeToElement(new { type = "string", pattern }));
        var regex = new Regex(pattern);
        Gen.Char["abc"].Array[0, 6].Select(letters => new string(letters)).Sample(text => Assert.Equal(regex.IsMatch(text), format.Takes($"\"{text}\"")));
    }

    [Fact]
    public void Quotes_and_controls_are_escaped_inside_strings()
    {
        var format = AnswerFormat.JsonSchema(System.Text.Json.JsonSerializer.SerializeToElement(new { type = "string", pattern = "^[\"\\\\\\n]$" }));
        Assert.True(format.Takes("\"\\\"\"") && format.Takes("\"\\\\\"") && format.Takes("\"\\n\""));
        Assert.False(format.Takes("\"\"\"") || format.Takes("\"\n\""));
    }
}
