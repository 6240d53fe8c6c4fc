using System.Diagnostics;
using LlamaVid.Media;

namespace LlamaVid.Tests.Media;

[Collection(AloneCollection.Name)]
public sealed class OneHourTests
{
    /// <summary>One hour, 108,000 frames: 3,600 are taken, 274 MB in all.</summary>
    [Fact]
    public async Task One_hour_is_read_in_bounded_memory()
    {
        await using var lab = new MediaLab();
        await using var media = await lab.OpenAsync(Shared.Path("assets/videos/derived/carphone_1h_h264_qcif.mp4"));
        var plan = media.Plan(new());
        var (frames, last, most) = (0, 0.0, 0L);
        var before = GC.GetTotalMemory(forceFullCollection: true);

        await foreach (var frame in media.ReadFramesAsync(plan, MediaLab.Cancel))
            using (frame)
            {
                Assert.Equal(30L * frames, frame.Index);
                last = frame.Timestamp;
                if (++frames % 600 == 0) most = Math.Max(most, GC.GetTotalMemory(forceFullCollection: true) - before);
            }

        Assert.Equal((3600L, 108_000L, 30), (plan.ExpectedFrames, media.Info.Packets, plan.Stride));
        Assert.Equal(3600, frames);
        Assert.Equal(107_970 * 1001 / 30000.0, last);
        TestContext.Current.TestOutputHelper?.WriteLine($"most memory over the start: {most / 1024} KB");
        Assert.InRange(most, long.MinValue, 16 << 20);
    }

    /// <summary>Decoding the hour takes about 10 s on two cores, its last seconds from a key frame on 0.24 s.</summary>
    [Fact]
    public async Task The_end_of_one_hour_does_not_take_an_hours_decoding()
    {
        await using var lab = new MediaLab();
        await using var media = await lab.OpenAsync(Shared.Path("assets/videos/derived/carphone_1h_h264_qcif.mp4"));
        var begun = Stopwatch.GetTimestamp();

        var seen = await MediaLab.ReadAsync(media, new() { Start = 3590 });

        var taken = Stopwatch.GetElapsedTime(begun);
        TestContext.Current.TestOutputHelper?.WriteLine($"{taken.TotalSeconds:0.00} s");
        Assert.Equal(14, seen.Count);
        Assert.InRange(taken, TimeSpan.Zero, TimeSpan.FromSeconds(2));
    }
}
