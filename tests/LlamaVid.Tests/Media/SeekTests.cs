using LlamaVid.Media;

namespace LlamaVid.Tests.Media;

/// <summary>A start late in a file gives the frames that a whole reading gives from there on, pixel by pixel, wherever decoding began.</summary>
[Collection(AloneCollection.Name)]
public sealed class SeekTests
{
    private const string Source = "testsrc=size=96x64:rate=25:duration=30,noise=alls=12:allf=t";

    [Theory]
    [InlineData("b-frames.mp4", "-c:v", "libx264", "-preset", "veryfast", "-bf", "3", "-g", "50")]
    [InlineData("b-frames.mkv", "-c:v", "libx264", "-preset", "veryfast", "-bf", "3", "-g", "50")]
    [InlineData("late.mp4", "-c:v", "libx264", "-preset", "veryfast", "-g", "50", "-output_ts_offset", "100.04")]
    [InlineData("late.mkv", "-c:v", "libx264", "-preset", "veryfast", "-g", "50", "-output_ts_offset", "100.04")]
    [InlineData("one-key.mp4", "-c:v", "libx264", "-preset", "veryfast", "-g", "100000", "-sc_threshold", "0")]
    [InlineData("open.mp4", "-c:v", "libx264", "-preset", "veryfast", "-x264-params", "open-gop=1:keyint=40:bframes=4:b-pyramid=2")]
    [InlineData("open.mkv", "-c:v", "libx264", "-preset", "veryfast", "-x264-params", "open-gop=1:keyint=40:bframes=4:b-pyramid=2")]
    [InlineData("refresh.mp4", "-c:v", "libx264", "-preset", "veryfast", "-x264-params", "intra-refresh=1:keyint=40")]
    [InlineData("refresh.mkv", "-c:v", "libx264", "-preset", "veryfast", "-x264-params", "intra-refresh=1:keyint=40")]
    [InlineData("fragments.mp4", "-c:v", "libx264", "-preset", "veryfast", "-g", "50", "-movflags", "frag_keyframe+empty_moov")]
    [InlineData("no-cues.mkv", "-c:v", "libx264", "-preset", "veryfast", "-g", "50", "-live", "1")]
    [InlineData("uneven.mp4", "-vf", "select='not(eq(mod(n,7),3))*not(eq(mod(n,11),5))'", "-vsync", "vfr", "-c:v", "libx264", "-preset", "veryfast", "-g", "50")]
    [InlineData("hevc.mp4", "-c:v", "libx265", "-preset", "ultrafast", "-x265-params", "keyint=50:log-level=none")]
    [InlineData("hevc.mkv", "-c:v", "libx265", "-preset", "ultrafast", "-x265-params", "keyint=50:bframes=4:log-level=none")]
    [InlineData("vp9.webm", "-c:v", "libvpx-vp9", "-deadline", "realtime", "-cpu-used", "8", "-g", "50", "-auto-alt-ref", "1", "-lag-in-frames", "16")]
    [InlineData("av1.mkv", "-c:v", "libsvtav1", "-preset", "12", "-g", "50")]
    [InlineData("mpeg4.avi", "-c:v", "mpeg4", "-bf", "2", "-g", "50")]
    [InlineData("transport.ts", "-c:v", "libx264", "-preset", "veryfast", "-g", "50")]
    public async Task Frames_from_a_late_start_are_those_of_a_whole_reading(string name, params string[] encoding)
    {
        await using var lab = new MediaLab();
        var path = await lab.MakeAsync(name, ["-f", "lavfi", "-i", Source, "-pix_fmt", "yuv420p", .. encoding]);
        await using var media = await lab.OpenAsync(path);
        var whole = await MediaLab.ReadAsync(media, MediaLab.All);

        foreach (var at in (int[])[whole.Count - 3, whole.Count - 60, whole.Count / 2])
        {
            var start = whole[at].Timestamp;
            var late = await MediaLab.ReadAsync(media, MediaLab.All with { Start = start, End = start + 1 });
            Assert.Equal(whole.Where(frame => frame.Timestamp >= start && frame.Timestamp < start + 1), late);
        }
    }
}
