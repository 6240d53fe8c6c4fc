using System.ComponentModel.DataAnnotations;
using LlamaVid.Media;

namespace LlamaVid.Tests.Media;

/// <summary>Limits, hostile names, changes midway, cancellation. Each lab checks at its end that no file and no process is left.</summary>
public sealed class MediaOpenerTests
{
    private static readonly string[] Tiny = ["-f", "lavfi", "-i", "testsrc=size=64x48:rate=10:duration=3", "-pix_fmt", "yuv420p"];

    [Theory]
    [InlineData("-i.mp4")]
    [InlineData("a b'c\"d.mp4")]
    [InlineData("%03d[x];rm -rf $HOME`.mp4")]
    [InlineData("concat:a|b.mp4")]
    public async Task Names_mean_nothing(string name)
    {
        await using var lab = new MediaLab();
        var path = lab.NewFile(name);
        File.Move(await lab.MakeAsync("plain.mp4", Tiny), path);

        var seen = await lab.ReadAsync(path);

        Assert.Equal([0, 10, 20], seen.Select(frame => frame.Index));
    }

    [Fact]
    public async Task Same_bytes_have_the_same_hash_however_they_arrive()
    {
        await using var lab = new MediaLab();
        var path = await lab.MakeAsync("a.mp4", Tiny);
        var bytes = await File.ReadAllBytesAsync(path, MediaLab.Cancel);

        await using var file = await lab.OpenAsync(path);
        await using var inline = await lab.Opener.OpenAsync(new MediaSource.Inline(bytes), MediaLab.Cancel);

        Assert.Equal(MediaLab.Sha256(bytes), file.ContentHash);
        Assert.Equal(file.ContentHash, inline.ContentHash);
        Assert.Equal(file.Info, inline.Info);
        Assert.Equal(new("mp4", "h264", 64, 48, new(10, 1), 30, 30, 3, 0, 0, IsPicture: false), file.Info);
    }

    [Fact]
    public async Task One_media_can_be_read_twice_and_at_once()
    {
        await using var lab = new MediaLab();
        await using var media = await lab.OpenAsync(await lab.MakeAsync("a.mp4", Tiny));

        var both = await Task.WhenAll(MediaLab.ReadAsync(media), MediaLab.ReadAsync(media));

        Assert.Equal(3, both[0].Count);
        Assert.Equal(both[0], both[1]);
    }

    [Fact]
    public async Task Size_that_changes_midway_keeps_count_and_size()
    {
        await using var lab = new MediaLab();
        var first = await lab.MakeAsync("1.ts", "-f", "lavfi", "-i", "testsrc=size=64x48:rate=10:duration=2", "-c:v", "mpeg2video");
        var second = await lab.MakeAsync("2.ts", "-f", "lavfi", "-i", "testsrc=size=128x96:rate=10:duration=2", "-c:v", "mpeg2video", "-output_ts_offset", "2");
        var both = lab.NewFile("both.ts");
        await File.WriteAllBytesAsync(both, [.. await File.ReadAllBytesAsync(first, MediaLab.Cancel), .. await File.ReadAllBytesAsync(second, MediaLab.Cancel)], MediaLab.Cancel);

        var seen = await lab.ReadAsync(both, new() { FramesPerSecond = 2 });

        Assert.Equal([0, 5, 10, 15, 20, 25, 30, 35], seen.Select(frame => frame.Index));
        Assert.All(seen, frame => Assert.Equal((64, 48), (frame.Width, frame.Height)));
    }

    [Fact]
    public async Task Truncated_file_is_answered_with_what_decodes()
    {
        await using var lab = new MediaLab();
        await using var media = await lab.OpenAsync(Shared.Path("assets/videos/derived/nasa_faststart_truncated50.mp4"));

        var seen = await MediaLab.ReadAsync(media, new() { MaxFrames = 5, FramesPerSecond = 25 });

        Assert.Equal(325, media.Info.DeclaredFrames);
        Assert.Equal(172, media.Info.Packets);
        Assert.InRange(seen.Count, 4, 5);               // spread over what is there, not over the claim
        Assert.InRange(seen[^1].Index, 120, 171);
    }

    [Fact]
    public async Task Claimed_duration_is_not_believed()
    {
        await using var lab = new MediaLab();
        await using var media = await lab.OpenAsync(Shared.Path("assets/videos/androidx-media/sample_fragmented.mp4"));

        Assert.InRange(media.Info.Duration!.Value, 0.9, 1.1);       // it claims 143,165 s
        Assert.Equal(1, media.Plan(new()).ExpectedFrames);
    }

    [Fact]
    public async Task Claimed_rate_is_not_believed()
    {
        // As browsers record: no frame rate in the file, so that ffprobe takes the clock's 1000 ticks per second for it.
        await using var lab = new MediaLab();
        var path = await lab.MakeAsync("a.webm", "-f", "lavfi", "-i", "testsrc=size=64x48:rate=30:duration=6",
            "-vf", "settb=1/1000,setpts=PTS+floor(random(0)*12)", "-vsync", "passthrough", "-r", "1000", "-c:v", "libvpx");
        await using var media = await lab.OpenAsync(path);

        var seen = await MediaLab.ReadAsync(media);

        Assert.InRange(media.Info.AverageRate!.Value.Value, 29, 31);
        Assert.Equal([0, 30, 60, 90, 120, 150], seen.Select(frame => frame.Index));
    }

    [Fact]
    public async Task Limits_are_kept_and_named()
    {
        await using var lab = new MediaLab(options => options.MaxDuration = TimeSpan.FromSeconds(2));
        var path = await lab.MakeAsync("a.mp4", Tiny);
        var longer = await Assert.ThrowsAsync<VideoTooLongException>(() => lab.OpenAsync(path));
        Assert.Contains("3 s long and the limit is 2 s (Media:MaxDuration)", longer.Message);

        await using var pixels = new MediaLab(options => options.MaxPixels = 64 * 48 - 1);
        var larger = await Assert.ThrowsAsync<VideoTooLargeException>(() => pixels.OpenAsync(path));
        Assert.Contains("64 x 48", larger.Message);

        await using var bytes = new MediaLab(options => options.MaxBytes = 100);
        await Assert.ThrowsAsync<PayloadTooLargeException>(() => bytes.OpenAsync(path));
        await Assert.ThrowsAsync<PayloadTooLargeException>(() => bytes.ReadAsync(new MediaSource.Inline(new byte[101])));

        await using var frames = new MediaLab(options => options.MaxFrames = 2);
        await Assert.ThrowsAsync<VideoTooLongException>(() => frames.ReadAsync(path));
        Assert.Equal(2, (await frames.ReadAsync(path, new() { MaxFrames = 2 })).Count);

        await using var streams = new MediaLab(options => options.MaxStreams = 1);
        var two = await lab.MakeAsync("two.mkv", [.. Tiny, "-map", "0", "-map", "0"]);
        await Assert.ThrowsAsync<VideoTooLargeException>(() => streams.OpenAsync(two));
    }

    [Theory]
    [InlineData("png", 8, 6)]
    [InlineData("bmp", 8, 6)]
    [InlineData("jpg", 8, 6)]
    [InlineData("webp", 8, 6)]
    public async Task Pictures_are_single_frames(string kind, int width, int height)
    {
        await using var lab = new MediaLab();
        var path = await lab.MakeAsync($"a.{kind}", "-f", "lavfi", "-i", $"testsrc=size={width}x{height}", "-frames:v", "1");
        await using var media = await lab.OpenAsync(path);

        var frame = Assert.Single(await MediaLab.ReadAsync(media));

        Assert.True(media.Info.IsPicture);
        Assert.Null(media.Info.Duration);
        Assert.Equal((0L, 0.0, width, height), (frame.Index, frame.Timestamp, frame.Width, frame.Height));
        Assert.Equal(MediaLab.Sha256(await MediaLab.RunAsync("ffmpeg", "-v", "quiet", "-i", path, "-f", "rawvideo", "-pix_fmt", "rgb24", "-")), frame.Sha256);
    }

    [Fact]
    public async Task Photo_is_turned_as_its_exif_says()
    {
        await using var lab = new MediaLab();
        var photo = await File.ReadAllBytesAsync(await lab.MakeAsync("a.jpg", "-f", "lavfi", "-i", "testsrc=size=64x48", "-frames:v", "1"), MediaLab.Cancel);
        byte[] exif = [0xFF, 0xE1, 0, 34, .. "Exif\0\0MM\0*\0\0\0\x08\0\x01\x01\x12\0\x03\0\0\0\x01\0\x06\0\0\0\0\0\0"u8];      // orientation 6
        await using var media = await lab.Opener.OpenAsync(new MediaSource.Inline((byte[])[.. photo[..2], .. exif, .. photo[2..]]), MediaLab.Cancel);

        var frame = Assert.Single(await MediaLab.ReadAsync(media));

        Assert.Equal((48, 64), (media.Info.Width, media.Info.Height));
        Assert.Equal((48, 64), (frame.Width, frame.Height));
        Assert.Equal(90, media.Info.Rotation);
    }

    [Fact]
    public async Task Cancelling_kills_the_decoder()
    {
        await using var lab = new MediaLab();
        var path = await lab.MakeAsync("a.mp4", "-f", "lavfi", "-i", "testsrc=size=640x480:rate=30:duration=20", "-pix_fmt", "yuv420p", "-preset", "ultrafast");
        await using var media = await lab.OpenAsync(path);
        using var cancel = CancellationTokenSource.CreateLinkedTokenSource(MediaLab.Cancel);

        await Assert.ThrowsAnyAsync<OperationCanceledException>(async () =>
        {
            await foreach (var frame in media.ReadFramesAsync(media.Plan(MediaLab.All), cancel.Token))
            {
                frame.Dispose();
                await cancel.CancelAsync();
            }
        });

        Assert.Empty(lab.LeftProcesses());
    }

    [Fact]
    public async Task Leaving_the_loop_kills_the_decoder()
    {
        await using var lab = new MediaLab();
        var path = await lab.MakeAsync("a.mp4", "-f", "lavfi", "-i", "testsrc=size=640x480:rate=30:duration=20", "-pix_fmt", "yuv420p", "-preset", "ultrafast");
        await using var media = await lab.OpenAsync(path);

        await foreach (var frame in media.ReadFramesAsync(media.Plan(MediaLab.All), MediaLab.Cancel))
        {
            frame.Dispose();
            break;
        }

        Assert.Empty(lab.LeftProcesses());
    }

    [Fact]
    public async Task Cancelling_at_any_moment_leaves_nothing()
    {
        await using var lab = new MediaLab();
        var path = await lab.MakeAsync("a.mp4", Tiny);

        for (var milliseconds = 0; milliseconds < 300; milliseconds += 25)
        {
            using var cancel = new CancellationTokenSource(milliseconds);
            try
            {
                await using var media = await lab.Opener.OpenAsync(new MediaSource.LocalFile(path), cancel.Token);
                await foreach (var frame in media.ReadFramesAsync(media.Plan(new()), cancel.Token))
                    frame.Dispose();
            }
            catch (OperationCanceledException)
            {
                // Sometimes it is faster.
            }
            Assert.Empty(lab.LeftProcesses());
            Assert.Empty(lab.LeftFiles());
        }
    }

    [Fact]
    public async Task Slow_consumer_does_not_count_as_a_stall()
    {
        await using var lab = new MediaLab(options => options.DecodeTimeout = TimeSpan.FromSeconds(1));
        await using var media = await lab.OpenAsync(await lab.MakeAsync("a.mp4", Tiny));

        var frames = 0;
        await foreach (var frame in media.ReadFramesAsync(media.Plan(new()), MediaLab.Cancel))
            using (frame)
                if (frames++ == 0)
                    await Task.Delay(TimeSpan.FromSeconds(1.2), MediaLab.Cancel);

        Assert.Equal(3, frames);
    }

    [Theory]
    [InlineData("ffprobe", "Media:ProbeTimeout")]
    [InlineData("ffmpeg", "Media:DecodeTimeout")]
    public async Task Tool_that_hangs_is_killed_at_its_limit(string hanging, string expected)
    {
        await using var source = new MediaLab();
        var path = await source.MakeAsync("a.mp4", Tiny);
        foreach (var tool in (string[])["ffmpeg", "ffprobe"])
        {
            var script = tool == hanging
                ? "#!/bin/sh\n[ \"$1\" = -version ] || exec sleep 600\n"
                : $"#!/bin/sh\nexec {(File.Exists($"/usr/bin/{tool}") ? "/usr/bin/" : "/usr/local/bin/")}{tool} \"$@\"\n";
            // By a shell, so that no file of ours is open for writing while another test starts a child.
            await MediaLab.RunAsync("sh", "-c", "printf %s \"$1\" > \"$0\" && chmod 700 \"$0\"", source.NewFile(tool), script);
        }
        await using var lab = new MediaLab(options =>
        {
            options.FfmpegPath = Path.GetDirectoryName(path)!;
            (hanging == "ffmpeg" ? time => options.DecodeTimeout = time : (Action<TimeSpan>)(time => options.ProbeTimeout = time))(TimeSpan.FromSeconds(1));
        });

        var exception = await Assert.ThrowsAsync<VideoUnreadableException>(() => lab.ReadAsync(path).WaitAsync(TimeSpan.FromMinutes(1), MediaLab.Cancel));

        Assert.Contains(expected, exception.Message);
    }

    [Fact]
    public void Missing_ffmpeg_is_named_at_start() =>
        Assert.Contains("Media:FfmpegPath", Assert.Throws<FfmpegNotFoundException>(
            () => new MediaOpener(new() { FfmpegPath = "/nowhere" }, Microsoft.Extensions.Logging.Abstractions.NullLogger.Instance)).Message);

    [Fact]
    public void Options_name_what_is_wrong_with_them()
    {
        var options = new MediaOptions { MaxFrames = 0, TempDirectory = "/" + new string('x', 90), DeniedHosts = ["a b"] };
        var faults = new List<ValidationResult>();
        Assert.False(Validator.TryValidateObject(options, new(options), faults, validateAllProperties: true));
        Assert.Contains(faults, fault => fault.MemberNames.Contains(nameof(MediaOptions.MaxFrames)));

        Assert.Equal(2, options.Validate(new(options)).Count());
        Assert.Empty(new MediaOptions().Validate(new(new MediaOptions())));
        var defaults = new MediaOptions();
        Assert.True(Validator.TryValidateObject(defaults, new(defaults), null, validateAllProperties: true));
    }
}
