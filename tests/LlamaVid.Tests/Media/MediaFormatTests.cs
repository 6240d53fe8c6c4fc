using CsCheck;
using LlamaVid.Media;

namespace LlamaVid.Tests.Media;

public sealed class MediaFormatTests
{
    [Theory]
    [InlineData("\0\0\0\u0018ftypisom", "mov")]
    [InlineData("\0\0\0\u0018moov----", "mov")]
    [InlineData("RIFF\u0001\0\0\0AVI LIST", "avi")]
    [InlineData("RIFF\u0001\0\0\0WEBPVP8 ", "webp_pipe")]
    [InlineData("FLV\u0001\u0005", "flv")]
    [InlineData("OggS\0", "ogg")]
    [InlineData("GIF89a", "gif")]
    [InlineData("\u0089PNG\r\n\u001a\n....IHDR", "png_pipe")]
    [InlineData("\u0089PNG\r\n\u001a\n....IHDR....acTL", "apng")]
    [InlineData("\u00ff\u00d8\u00ff\u00e0", "jpeg_pipe")]
    [InlineData("\u001aE\u00df\u00a3", "matroska")]
    [InlineData("\0\0\u0001\u00ba", "mpeg")]
    public void Content_decides_the_demuxer(string head, string demuxer) => Assert.Equal(demuxer, MediaFormat.Sniff(Bytes(head)).Demuxer);

    [Theory]
    [InlineData("", "empty")]
    [InlineData("#EXTM3U\n#EXT-X-TARGETDURATION:1", "playlist")]
    [InlineData("ffconcat version 1.0", "playlist")]
    [InlineData("v=0\r\no=- 0 0 IN IP4 127.0.0.1", "playlist")]
    [InlineData("\n <?xml version='1.0'?><MPD>", "web page or XML")]
    [InlineData("ID3\u0003", "sound")]
    [InlineData("RIFF\0\0\0\0WAVEfmt ", "sound")]
    [InlineData("G", "unknown")]
    [InlineData("\0\0\0", "unknown")]
    public void Anything_else_is_refused_and_described(string head, string expected) =>
        Assert.Contains(expected, Assert.Throws<UnsupportedMediaException>(() => MediaFormat.Sniff(Bytes(head))).Message);

    [Fact]
    public void Transport_streams_need_their_rhythm()
    {
        var stream = new byte[188 * 5];
        for (var at = 0; at < stream.Length; at += 188) stream[at] = 0x47;
        Assert.Equal("mpegts", MediaFormat.Sniff(stream).Demuxer);
        stream[188 * 3] = 0;
        Assert.Throws<UnsupportedMediaException>(() => MediaFormat.Sniff(stream));
    }

    [Fact]
    public void No_bytes_make_it_stumble() => Gen.Byte.Array[0, 2000].Sample(bytes =>
    {
        try
        {
            MediaFormat.Sniff(bytes);
        }
        catch (UnsupportedMediaException)
        {
        }
    });

    private static byte[] Bytes(string latin1) => System.Text.Encoding.Latin1.GetBytes(latin1);
}
