using LlamaVid.Media;

namespace LlamaVid.Tests.Media;

/// <summary>ffprobe's output is as untrusted as the file it describes.</summary>
public sealed class VideoProbeTests
{
    private static readonly MediaOptions Options = new();

    [Fact]
    public void First_real_video_stream_is_taken()
    {
        var stream = VideoProbe.Parse("""
            {"streams":[
              {"index":0,"codec_type":"audio","codec_name":"aac"},
              {"index":1,"codec_type":"video","codec_name":"mjpeg","width":600,"height":600,"time_base":"1/90000","disposition":{"attached_pic":1}},
              {"index":2,"codec_type":"video","codec_name":"h264","width":320,"height":180,"pix_fmt":"yuv420p","avg_frame_rate":"30000/1001","time_base":"1/30000","nb_frames":"390","duration":"13.013","disposition":{"attached_pic":0}},
              {"index":3,"codec_type":"video","codec_name":"h264","width":640,"height":360,"time_base":"1/30000"},
              {"index":4,"codec_type":"subtitle","codec_name":"subrip","disposition":{"default":1,"forced":0},"tags":{"language":"pt-BR"}},
              {"index":5,"codec_type":"subtitle"},
              {"index":6,"codec_type":"subtitle","codec_name":"ass","tags":{"language":"<b>\u0000"}},
              {"index":7,"codec_type":"subtitle","codec_name":"mov_text","tags":{"language":"und"}}],
             "format":{"nb_streams":8,"duration":"16.57"}}
            """, Options);
        Assert.Equal(new(2, "h264", 320, 180, "yuv420p", new(30000, 1001), new(1, 30000), 390, 13.013, null) { SubtitleTracks = stream.SubtitleTracks }, stream);
        Assert.Equal([new(4, "subrip", true, false, "pt-BR"), new(5, "unknown", false, false), new(6, "ass", false, false), new(7, "mov_text", false, false)], stream.SubtitleTracks);
    }

    [Theory]
    [InlineData("")]
    [InlineData("{")]
    [InlineData("[]")]
    [InlineData("null")]
    [InlineData("{\"streams\":[{\"index\":\"x\"}]}")]
    [InlineData("{\"streams\":[]}")]
    [InlineData("{}")]
    [InlineData("{\"streams\":[{\"codec_type\":\"video\",\"codec_name\":\"h264\",\"width\":-5,\"height\":2,\"time_base\":\"1/1\"}]}")]
    [InlineData("{\"streams\":[{\"codec_type\":\"video\",\"codec_name\":\"h264\",\"width\":5,\"height\":2,\"time_base\":\"0/0\"}]}")]
    [InlineData("{\"streams\":[{\"codec_type\":\"video\",\"codec_name\":\"h264\",\"codec_tag_string\":\"encv\",\"width\":5,\"height\":2,\"time_base\":\"1/1\"}]}")]
    public void Anything_else_is_unreadable(string json) => Assert.Throws<VideoUnreadableException>(() => VideoProbe.Parse(json, Options));

    [Theory]
    [InlineData("0/0", "25/1", "25/1")]
    [InlineData("1000/0", "N/A", null)]
    [InlineData("-5/1", "9223372036854775807/1", "9223372036854775807/1")]
    public void Rates_that_make_no_sense_are_unknown(string average, string real, string? expected)
    {
        var stream = VideoProbe.Parse($$"""
            {"streams":[{"codec_type":"video","codec_name":"h264","width":5,"height":2,"time_base":"1/90","avg_frame_rate":"{{average}}","r_frame_rate":"{{real}}","pix_fmt":"a,b;c"}]}
            """, Options);
        Assert.Equal(expected, stream.Rate?.ToString());
        Assert.Null(stream.PixelFormat);        // would go into a filter description
    }
}
