using System.Text.Json;
using LlamaVid.Media;

namespace LlamaVid.Tests.Media;

/// <summary>Frames recorded elsewhere: by the official sampler's rule, and by another decoder library.</summary>
public sealed class GoldenFrameTests
{
    [Theory]
    [InlineData("clip_a.mp4")]
    [InlineData("clip_b.mkv")]
    [InlineData("clip_c.mp4")]
    [InlineData("clip_d.mp4")]
    [InlineData("clip_e.mkv")]
    public async Task Default_sampling_gives_the_official_frames(string name)
    {
        using var goldens = JsonDocument.Parse(await File.ReadAllTextAsync(Shared.Path("goldens/media.json"), MediaLab.Cancel));
        var golden = goldens.RootElement.GetProperty(name);
        await using var lab = new MediaLab();
        await using var media = await lab.OpenAsync(Shared.Path($"goldens/media/{name}"));

        var plan = media.Plan(new());
        var (indices, checksums) = (new List<long>(), new List<uint>());
        await foreach (var frame in media.ReadFramesAsync(plan, MediaLab.Cancel))
            using (frame)
            {
                indices.Add(frame.Index);
                checksums.Add(Crc32(frame.Rgb24.Span));
            }

        Assert.Equal(golden.GetProperty("avg_frame_rate").GetString(), media.Info.AverageRate.ToString());
        Assert.Equal(golden.GetProperty("frames").GetInt64(), media.Info.Packets);
        Assert.Equal(golden.GetProperty("stride").GetInt32(), plan.Stride);
        Assert.Equal(golden.GetProperty("frame_indices").EnumerateArray().Select(index => index.GetInt64()), indices);
        Assert.Equal(golden.GetProperty("frame_crc32").EnumerateArray().Select(crc => crc.GetUInt32()), checksums);
        Assert.Equal(indices.Count, plan.ExpectedFrames);
    }

    [Theory]
    [InlineData("av1_video.mkv")]
    [InlineData("h265_video.mp4")]
    [InlineData("nasa_13013.mp4")]
    public async Task Frames_equal_those_of_another_library(string name)
    {
        using var goldens = JsonDocument.Parse(await File.ReadAllTextAsync(Shared.Path("assets/videos/torchcodec/golden_frames.json"), MediaLab.Cancel));
        await using var lab = new MediaLab();
        var seen = await lab.ReadAsync(Shared.Path($"assets/videos/torchcodec/{name}"), MediaLab.All);

        var compared = 0;
        foreach (var golden in goldens.RootElement.EnumerateArray().Where(golden => golden.GetProperty("video").GetString() == name))
        {
            if (golden.GetProperty("stream").GetInt32() != 0 || golden.GetProperty("frame").ValueKind != JsonValueKind.Number) continue;
            Assert.Equal(golden.GetProperty("sha256").GetString(), seen[golden.GetProperty("frame").GetInt32()].Sha256);
            compared++;
        }
        Assert.NotEqual(0, compared);
    }

    /// <summary>
    /// The file has the source's frame number burnt in, at 25 per second; it was then stretched to 30. From 2.00 s on it reads 000050, with a full disc
    /// and the word Bip; up to then 000049, with a slice of the disc dark. The disc tells the two apart without reading.
    /// </summary>
    [Fact]
    public async Task Burnt_in_clock_shows_the_second_that_was_asked_for()
    {
        var path = Shared.Path("assets/videos/npm-ebml/test.webm");
        await using var lab = new MediaLab();
        await using var media = await lab.OpenAsync(path);

        var discs = new List<(long Index, bool IsFull)>();
        await foreach (var frame in media.ReadFramesAsync(media.Plan(MediaLab.All with { Start = 1.95, End = 2.05 }), MediaLab.Cancel))
            using (frame)
                discs.Add((frame.Index, frame.Rgb24.Span[((75 * frame.Width) + 257) * 3] > 200));

        Assert.Equal([(59, false), (60, false), (61, true)], discs);        // 1.959, 1.992 and 2.025 s
    }

    private static uint Crc32(ReadOnlySpan<byte> bytes)
    {
        var crc = ~0u;
        foreach (var value in bytes)
        {
            crc ^= value;
            for (var bit = 0; bit < 8; bit++) crc = (crc >> 1) ^ (0xEDB88320 & (0 - (crc & 1)));
        }
        return ~crc;
    }
}
