using System.Text;
using CsCheck;
using LlamaVid.Media;

namespace LlamaVid.Tests.Media;

public sealed class DataUriTests
{
    private const long Limit = 1 << 20;

    [Theory]
    [InlineData("data:video/mp4;base64,AQID")]
    [InlineData("DATA:video/mp4;BASE64,AQID")]
    [InlineData("data:video/mp4;codecs=avc1;base64,AQID")]
    [InlineData("data:;base64,AQID")]
    [InlineData("data:image/png;base64,%41QID")]
    public void One_file(string text)
    {
        var inline = Assert.IsType<MediaSource.Inline>(DataUri.Parse(Encoding.UTF8.GetBytes(text), Limit));
        Assert.Equal([1, 2, 3], inline.Bytes.ToArray());
    }

    [Fact]
    public void Video_jpeg_is_a_list_of_pictures()
    {
        var pictures = Assert.IsType<MediaSource.Pictures>(DataUri.Parse("data:video/jpeg;base64,AQID,BA==,BQY="u8, Limit));
        Assert.Equal([[1, 2, 3], [4], [5, 6]], pictures.Frames.Select(frame => ((MediaSource.Inline)frame).Bytes.ToArray()));
    }

    [Theory]
    [InlineData("http://example.com/", "begin with data:")]
    [InlineData("data:video/mp4;base64", "no comma")]
    [InlineData("data:video/mp4,AQID", "only base64")]
    [InlineData("data:video/mp4;base64;charset=x,AQID", "only base64")]
    [InlineData("data:mp4;base64,AQID", "no media type")]
    [InlineData("data:video/mp4;base64,", "empty")]
    [InlineData("data:video/mp4;base64,AQI", "multiple of 4")]
    [InlineData("data:video/mp4;base64,AQ D", "position 2")]
    [InlineData("data:video/mp4;base64,AQ-_", "position 2")]
    [InlineData("data:video/mp4;base64,AQ==AQID", "wrong place")]
    [InlineData("data:video/mp4;base64,====", "wrong place")]
    [InlineData("data:video/mp4;base64,AQID,AQID", "multiple of 4")]
    [InlineData("data:video/jpeg;base64,AQID,", "frame 2 is empty")]
    [InlineData("data:video/jpeg;base64,AQID,A!ID", "frame 2 has a character at position 1")]
    public void Anything_else_is_refused_with_the_place(string text, string expected) =>
        Assert.Contains(expected, Assert.Throws<InvalidDataUriException>(() => DataUri.Parse(Encoding.UTF8.GetBytes(text), Limit)).Message);

    [Fact]
    public void Size_is_refused_before_decoding()
    {
        var exception = Assert.Throws<PayloadTooLargeException>(() => DataUri.Parse(Encoding.UTF8.GetBytes("data:video/mp4;base64," + new string('!', 2000)), maxBytes: 1000));
        Assert.Equal(1000, exception.Limit);
        Assert.Throws<PayloadTooLargeException>(() => DataUri.ParseBase64(Encoding.UTF8.GetBytes(new string('A', 2000)), maxBytes: 1000));
        Assert.NotNull(DataUri.ParseBase64(Encoding.UTF8.GetBytes(Convert.ToBase64String(new byte[1000])), maxBytes: 1000));
    }

    [Fact]
    public void Any_bytes_come_back() => Gen.Byte.Array[1, 300].Sample(bytes =>
        Assert.Equal(bytes, ((MediaSource.Inline)DataUri.Parse(Encoding.UTF8.GetBytes("data:video/mp4;base64," + Convert.ToBase64String(bytes)), Limit)).Bytes.ToArray()));

    [Fact]
    public void Any_text_is_parsed_or_refused_by_name() => Gen.String.Sample(text =>
    {
        try
        {
            DataUri.Parse(Encoding.UTF8.GetBytes("data:" + text), Limit);
        }
        catch (InvalidDataUriException)
        {
        }
    });
}
