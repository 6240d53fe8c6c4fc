using CsCheck;
using LlamaVid.Media;

namespace LlamaVid.Tests.Media;

public sealed class SubtitlesTests
{
    [Fact]
    public void Subrip_is_read_with_its_numbers_tags_and_several_rows() => Assert.Equal(
        [new(1, 2.5, "Hello there"), new(3661.25, 3662, "second"), new(3663, 3663, "third & last")],
        Subtitles.Parse("\uFEFF1\r\n00:00:01,000 --> 00:00:02,500\r\n<i>Hello</i>\r\n{\\an8}there...\r\n\r\n\r\n2\r\n01:01:01.25 --> 01:01:02,000\r\nsecond\0\r\n\r\n01:01:03,000 --> 01:01:03,000\r\nthird &amp; last"));

    [Fact]
    public void Webvtt_is_read_without_its_notes_styles_names_and_settings() => Assert.Equal(
        [new(1, 2, "one"), new(3600, 3601.5, "a < b")],
        Subtitles.Parse("WEBVTT - a film\nKind: captions\n\nNOTE nothing\nat all\n\nSTYLE\n::cue { color: red }\n\nintro\n00:01.000 --> 00:02.000 align:start\n<v Ann>one</v>\n\n1:00:00.000 --> 1:00:01.500\na &lt; b\n"));

    [Fact]
    public void Subtitles_without_text_are_left_out() => Assert.Empty(Subtitles.Parse("1\n00:00:01,000 --> 00:00:02,000\n\n2\n00:00:01,000 --> 00:00:02,000\n...\n"));

    [Theory]
    [InlineData("Hello", 1)]
    [InlineData("1\n00:00:01,000 --> 00:00:02,000\nfine\n\n2\nno times\n", 5)]
    [InlineData("1\n00:00:02,000 --> 00:00:01,000\nbackwards\n", 2)]
    [InlineData("1\n00:99:02,000 --> 00:99:03,000\nno minute\n", 1)]
    [InlineData("1\n00:00:02 --> 00:00:03\nno fraction\n", 1)]
    [InlineData("7", 1)]
    public void What_is_no_subtitle_is_refused_by_its_line(string text, int line) => Assert.Equal(line, Assert.Throws<SubtitlesUnreadableException>(() => Subtitles.Parse(text)).Line);

    private static readonly string[] Pieces = ["1", "\n", "00:00:01,000 --> 00:00:02,000", "-->", "WEBVTT", "<b", "é\0", "NOTE", " "];

    [Fact]
    public void Whatever_the_text_it_is_read_or_refused() =>
        Gen.Int[0, Pieces.Length - 1].Select(i => Pieces[i]).Array[0, 30].Select(string.Concat).Sample(text =>
        {
            try
            {
                Assert.All(Subtitles.Parse(text), line => Assert.True(line.End >= line.Start && line.Text.Length > 0));
            }
            catch (SubtitlesUnreadableException)
            {
            }
        });
}
