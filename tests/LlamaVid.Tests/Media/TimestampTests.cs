using System.Globalization;
using System.Text;
using LlamaVid.Media;

namespace LlamaVid.Tests.Media;

/// <summary>The time of each frame is the container's own, to the last digit.</summary>
public sealed class TimestampTests
{
    [Theory]
    [InlineData("androidx-media/sample_edit_list.mp4")]
    [InlineData("androidx-media/sample_fragmented.mp4")]
    [InlineData("androidx-media/sample.flv")]
    [InlineData("debian/forensics-samples-files/VID_20191220_170832.mp4")]
    [InlineData("imageio/newtonscradle.gif")]
    [InlineData("mediabunny/cursed-vfr.mp4")]
    [InlineData("mediabunny/no-initial-keyframe.ts")]
    [InlineData("moviepy/no_duration.webm")]
    public async Task Times_are_those_of_the_container(string name)
    {
        var path = Shared.Path($"assets/videos/{name}");
        await using var lab = new MediaLab();

        var seen = await lab.ReadAsync(path, MediaLab.All with { MaxFrames = 8 });

        var times = await ProbeAsync(path);
        Assert.NotEmpty(seen);
        Assert.All(seen, frame => Assert.Equal(times[(int)frame.Index], frame.Timestamp));
    }

    [Fact]
    public async Task A_range_counts_its_stride_from_its_first_frame()
    {
        await using var lab = new MediaLab();
        var path = await lab.MakeAsync("a.mp4", "-f", "lavfi", "-i", "testsrc=size=64x48:rate=10:duration=10", "-pix_fmt", "yuv420p");

        var seen = await lab.ReadAsync(path, new() { Start = 2.3, End = 5.3 });

        Assert.Equal([23, 33, 43], seen.Select(frame => frame.Index));
        Assert.Equal([2.3, 3.3, 4.3], seen.Select(frame => frame.Timestamp));
    }

    [Fact]
    public async Task Reported_times_can_be_asked_for_again()
    {
        await using var lab = new MediaLab();
        var path = await lab.MakeAsync("a.mp4", "-f", "lavfi", "-i", "testsrc=size=64x48:rate=30000/1001:duration=2", "-pix_fmt", "yuv420p");
        var all = await lab.ReadAsync(path, MediaLab.All);

        foreach (var i in (int[])[1, 7, 31, 58])
        {
            var seen = await lab.ReadAsync(path, MediaLab.All with { Start = all[i].Timestamp, End = all[i + 1].Timestamp });
            Assert.Equal([all[i]], seen);
        }
    }

    [Fact]
    public async Task Range_without_frames_names_where_the_frames_are()
    {
        await using var lab = new MediaLab();
        var path = await lab.MakeAsync("a.mp4", "-f", "lavfi", "-i", "testsrc=size=64x48:rate=10:duration=1", "-pix_fmt", "yuv420p");
        await using var media = await lab.OpenAsync(path);

        var exception = Assert.Throws<VideoUnreadableException>(() => media.Plan(new() { Start = 5 }));

        Assert.Contains("from 0 to 0.9 s", exception.Message);
    }

    private static async Task<List<double>> ProbeAsync(string path)
    {
        var text = Encoding.ASCII.GetString(await MediaLab.RunAsync("ffprobe", "-v", "quiet", "-select_streams", "v:0",
            "-show_entries", "stream=time_base:frame=pts", "-of", "default=nk=0:nw=1", "file:" + path));
        var values = text.Split('\n', StringSplitOptions.RemoveEmptyEntries).Select(line => line.Split('=')).ToList();
        var timeBase = values.First(pair => pair[0] == "time_base")[1].Split('/').Select(part => long.Parse(part, CultureInfo.InvariantCulture)).ToArray();
        return [.. values.Where(pair => pair[0] == "pts").Select(pair => (double)long.Parse(pair[1], CultureInfo.InvariantCulture) * timeBase[0] / timeBase[1])];
    }
}
