using LlamaVid.Server.Answers;

namespace LlamaVid.Server.Tests.Answers;

public sealed class AnswerTextTests
{
    [Theory]
    [InlineData("a| b", "a| b")]
    [InlineData(" |  |a", "||a")]
    [InlineData("a | | b ", "a||   b")]
    [InlineData("a\n|b \n", "a|\nb")]
    [InlineData(" \n| ", "|")]
    [InlineData("", "")]
    public void White_space_is_held_back_until_something_follows(string pieces, string expected)
    {
        var text = new AnswerText();
        var returned = pieces.Split('|').Select(text.Push).ToArray();
        Assert.Equal(expected, string.Join('|', returned));
        Assert.Equal(pieces.Replace("|", "", StringComparison.Ordinal).Trim(), string.Concat(returned));
    }
}
