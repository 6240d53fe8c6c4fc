using System.Globalization;
using System.Text;
using LlamaVid.Media;

namespace LlamaVid.Tests.Media;

/// <summary>With key frames asked for, each frame is a key frame of the file with its true number, time and pixels, and the nearest to a frame that would have been taken.</summary>
[Collection(AloneCollection.Name)]
public sealed class KeyFrameTests
{
    private const string Source = "testsrc=size=96x64:rate=25:duration=30,noise=alls=12:allf=t";

    private static readonly string[] X264 = ["-c:v", "libx264", "-preset", "veryfast"];

    [Theory]
    [InlineData("b-frames.mp4", "-c:v", "libx264", "-preset", "veryfast", "-bf", "3", "-g", "70")]
    [InlineData("uneven.mkv", "-c:v", "libx264", "-preset", "veryfast", "-force_key_frames", "0.5,3.1,3.2,3.3,11,29")]
    [InlineData("late.mkv", "-c:v", "libx264", "-preset", "veryfast", "-g", "50", "-output_ts_offset", "100.04")]
    [InlineData("dense.mp4", "-c:v", "libx264", "-preset", "veryfast", "-g", "3")]
    [InlineData("open.mp4", "-c:v", "libx264", "-preset", "veryfast", "-x264-params", "open-gop=1:keyint=40:bframes=4:b-pyramid=2")]
    [InlineData("hevc.mkv", "-c:v", "libx265", "-preset", "ultrafast", "-x265-params", "keyint=50:bframes=4:log-level=none")]
    [InlineData("vp9.webm", "-c:v", "libvpx-vp9", "-deadline", "realtime", "-cpu-used", "8", "-g", "50", "-auto-alt-ref", "1", "-lag-in-frames", "16")]
    [InlineData("av1.mkv", "-c:v", "libsvtav1", "-preset", "12", "-g", "50")]
    [InlineData("mpeg4.mp4", "-c:v", "mpeg4", "-bf", "2", "-g", "50")]
    [InlineData("transport.ts", "-c:v", "libx264", "-preset", "veryfast", "-g", "50")]
    public async Task They_are_the_nearest_ones_as_a_whole_reading_shows_them(string name, params string[] encoding)
    {
        await using var lab = new MediaLab();
        var path = await lab.MakeAsync(name, ["-f", "lavfi", "-i", Source, "-pix_fmt", "yuv420p", .. encoding]);
        await using var media = await lab.OpenAsync(path);
        var keys = await KeyTimesAsync(path);
        var whole = await MediaLab.ReadAsync(media, MediaLab.All);

        foreach (var sampling in (FrameSampling[])[new(), new() { MaxFrames = 4 }, new() { Start = whole[200].Timestamp, End = whole[500].Timestamp }])
        {
            var wanted = await MediaLab.ReadAsync(media, sampling);
            var inRange = keys.Where(key => !(key < sampling.Start) && !(key >= sampling.End)).ToArray();
            var expected = wanted.Select(frame => inRange.MinBy(key => Math.Abs(key - frame.Timestamp))).Distinct().ToArray();

            var seen = await MediaLab.ReadAsync(media, sampling with { KeyFrames = true });
            Assert.Equal(expected, seen.Select(frame => frame.Timestamp));
            Assert.Equal(whole.Where(frame => expected.Contains(frame.Timestamp)), seen);
            Assert.Equal(expected.Length, media.Plan(sampling with { KeyFrames = true }).ExpectedFrames);
        }
    }

    [Fact]
    public async Task Where_there_are_none_or_nothing_else_the_frames_are_those_of_the_rule()
    {
        await using var lab = new MediaLab();
        var one = await lab.MakeAsync("one.mp4", ["-f", "lavfi", "-i", Source, .. X264, "-g", "100000", "-sc_threshold", "0"]);
        var all = await lab.MakeAsync("all.mp4", ["-f", "lavfi", "-i", Source, .. X264, "-g", "1"]);
        var afterKey = new FrameSampling { Start = 10, End = 14 };

        Assert.Equal(await lab.ReadAsync(one, afterKey), await lab.ReadAsync(one, afterKey with { KeyFrames = true }));
        Assert.Equal(await lab.ReadAsync(all), await lab.ReadAsync(all, new() { KeyFrames = true }));
        Assert.Equal(0, Assert.Single(await lab.ReadAsync(one, new() { KeyFrames = true })).Timestamp);
    }

    [Fact]
    public async Task A_file_that_breaks_off_gives_the_key_frames_before()
    {
        await using var lab = new MediaLab();
        var path = await lab.MakeAsync("cut.mkv", ["-f", "lavfi", "-i", Source, .. X264, "-g", "50"]);
        var whole = await lab.ReadAsync(path, new() { KeyFrames = true });
        var bytes = await File.ReadAllBytesAsync(path, MediaLab.Cancel);
        await File.WriteAllBytesAsync(path, bytes[..(bytes.Length / 2)], MediaLab.Cancel);

        var cut = await lab.ReadAsync(path, new() { KeyFrames = true });
        Assert.InRange(cut.Count, whole.Count / 4, whole.Count - 1);
        Assert.Equal(whole.Take(cut.Count), cut);
    }

    /// <summary>As ffprobe has them.</summary>
    private static async Task<double[]> KeyTimesAsync(string path)
    {
        var lines = await MediaLab.RunAsync("ffprobe", "-v", "error", "-select_streams", "v:0", "-show_entries", "packet=pts_time,flags", "-of", "csv=p=0", path);
        return [.. Encoding.UTF8.GetString(lines).Split('\n').Where(line => line.Contains(",K", StringComparison.Ordinal))
            .Select(line => double.Parse(line[..line.IndexOf(',', StringComparison.Ordinal)], CultureInfo.InvariantCulture)).Order()];
    }
}
