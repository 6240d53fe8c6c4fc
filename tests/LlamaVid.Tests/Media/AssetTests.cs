using LlamaVid.Media;

namespace LlamaVid.Tests.Media;

/// <summary>Real files, ordinary and broken: each is read or refused by name, and nothing is left behind.</summary>
public sealed class AssetTests
{
    public static TheoryData<string, int, int, int> Readable => new()
    {
        // file, all frames, width, height
        { "androidx-media/bbb_176x144_128kbps_15fps_h263.3gp", 15, 176, 144 },
        { "androidx-media/sample.flv", 30, 1080, 720 },
        { "androidx-media/sample_av1.mp4", 30, 1080, 720 },
        { "androidx-media/sample_fragmented.mp4", 30, 1080, 720 },
        { "androidx-media/sample_rotate_and_reflect.mp4", 30, 720, 1080 },
        { "debian/forensics-samples-files/VID_20191220_170832.mp4", 41, 1920, 1080 },
        { "debian/python-nbsphinx-doc/Shepard_Calais_1906_FrenchGP.ogv.160p.ogv", 288, 218, 160 },
        { "debian/python3-mecavideo/balle-jbart.mp4", 255, 720, 576 },
        { "decord/video_90.mov", 3, 320, 568 },
        { "derived/nasa_faststart_truncated50.mp4", 171, 320, 180 },
        { "fluent-ffmpeg/te[s]t_ video ' _ .flv", 10, 320, 240 },
        { "imageio/newtonscradle.gif", 36, 200, 150 },
        { "mediabunny/sar_2x1.mp4", 150, 640, 360 },
        { "moviepy/-video-with-dash-.mp4", 5, 1, 1 },
        { "moviepy/chaplin.mp4", 241, 640, 360 },
        { "moviepy/no_duration.webm", 74, 1280, 720 },
        { "npm-ebml/test.webm", 182, 320, 240 },
        { "torchcodec/av1_video.mkv", 125, 640, 360 },
        { "torchcodec/h265_video.mp4", 10, 128, 128 },
        { "torchcodec/nasa_13013.mp4", 325, 320, 180 },
    };

    [Theory]
    [MemberData(nameof(Readable))]
    public async Task Every_frame_has_ffmpegs_own_bytes(string name, int frames, int width, int height)
    {
        var path = Shared.Path($"assets/videos/{name}");
        await using var lab = new MediaLab();

        var seen = await lab.ReadAsync(path, MediaLab.All);

        Assert.All(seen, frame => Assert.Equal((width, height), (frame.Width, frame.Height)));
        Assert.Equal(Enumerable.Range(0, frames).Select(index => (long)index), seen.Select(frame => frame.Index));
        // Two threads, as the reader: what is made up for damaged frames depends on it.
        var plain = await MediaLab.RunAsync("ffmpeg", "-v", "quiet", "-nostdin", "-threads", "2", "-i", "file:" + path, "-map", "0:v:0", "-vsync", "passthrough",
            "-f", "rawvideo", "-pix_fmt", "rgb24", "-");
        var size = width * height * 3;
        Assert.Equal(frames * size, plain.Length);
        Assert.Equal(Enumerable.Range(0, frames).Select(index => MediaLab.Sha256(plain.AsSpan(index * size, size))), seen.Select(frame => frame.Sha256));
    }

    /// <summary>The bytes that a decoder makes up for what is damaged depend on how its threads were scheduled; only that the frames come is certain.</summary>
    [Fact]
    public async Task A_damaged_file_gives_every_frame()
    {
        var path = Shared.Path("assets/videos/decord/corrupted.mp4");
        await using var lab = new MediaLab();

        var seen = await lab.ReadAsync(path, MediaLab.All);

        Assert.Equal(Enumerable.Range(0, 49).Select(index => (long)index), seen.Select(frame => frame.Index));
        Assert.All(seen, frame => Assert.Equal((1280, 720), (frame.Width, frame.Height)));
    }

    [Theory]
    [InlineData("androidx-media/sample_edit_list.mp4", 1080, 1920)]     // 10 bit, rotated, an edit list that cuts the beginning
    [InlineData("androidx-media/long_1080p_lowbitrate.mp4", 1920, 1080, 10.0)]
    [InlineData("mediabunny/cursed-vfr.mp4", 3026, 1386)]
    [InlineData("mediabunny/no-initial-keyframe.ts", 640, 352)]
    [InlineData("mediabunny/transparency.webm", 1280, 720)]
    [InlineData("mp4parse/no_timescale.mp4", 320, 240)]
    public async Task Frames_come_at_the_default_rate(string name, int width, int height, double? end = null)
    {
        await using var lab = new MediaLab();
        await using var media = await lab.OpenAsync(Shared.Path($"assets/videos/{name}"));
        var sampling = new FrameSampling { MaxFrames = 5, End = end };
        var plan = media.Plan(sampling);

        var seen = await MediaLab.ReadAsync(media, sampling);

        Assert.NotEmpty(seen);
        Assert.Equal((width, height), (media.Info.Width, media.Info.Height));
        Assert.All(seen, frame => Assert.Equal((width, height), (frame.Width, frame.Height)));
        Assert.All(seen, frame => Assert.Equal(0, frame.Index % plan.Stride));
        Assert.Equal(seen.Select(frame => frame.Timestamp).Order(), seen.Select(frame => frame.Timestamp));
    }

    [Theory]
    [InlineData("androidx-media/drm/sample_fragmented_clearkey.mp4", typeof(VideoUnreadableException))]
    [InlineData("androidx-media/invalid-bitstream.webm", typeof(VideoUnreadableException))]
    [InlineData("androidx-media/sample_malformed_free_box.mp4", typeof(VideoUnreadableException))]
    [InlineData("androidx-media/sample_vvc.mp4", typeof(VideoUnreadableException))]
    [InlineData("derived/ffconcat_ssrf.mp4", typeof(UnsupportedMediaException))]
    [InlineData("derived/hls_lfi_renamed.mp4", typeof(UnsupportedMediaException))]
    [InlineData("derived/html_renamed.mp4", typeof(UnsupportedMediaException))]
    [InlineData("derived/nasa_moov_at_end_truncated50.mp4", typeof(VideoUnreadableException))]
    [InlineData("derived/random_bytes.mp4", typeof(UnsupportedMediaException))]
    [InlineData("derived/zero_bytes.mp4", typeof(UnsupportedMediaException))]
    [InlineData("ffmpegcore/input_audio_only_10sec.mp4", typeof(VideoUnreadableException))]
    [InlineData("mp4parse/invalid_userdata.mp4", typeof(VideoUnreadableException))]
    [InlineData("mp4parse/sine-3s-xhe-aac-44khz-mono.mp4", typeof(VideoUnreadableException))]
    [InlineData("small/Mpeg4.mp4", typeof(VideoUnreadableException))]
    [InlineData("small/gif.gif", typeof(VideoUnreadableException))]
    [InlineData("small/mp4-with-audio.mp4", typeof(VideoUnreadableException))]
    [InlineData("torchcodec/golden_frames.json", typeof(UnsupportedMediaException))]
    public async Task Unreadable_file_is_refused_by_name(string name, Type expected)
    {
        var path = Shared.Path($"assets/videos/{name}");
        await using var lab = new MediaLab();

        var exception = await Assert.ThrowsAnyAsync<Exception>(() => lab.ReadAsync(path));

        Assert.IsType(expected, exception);
        Assert.DoesNotContain("/", exception.Message);       // no path
        Assert.DoesNotContain("@ 0x", exception.Message);    // nothing of ffmpeg's
    }
}
