using System.Buffers.Binary;
using System.IO.Compression;
using System.IO.Hashing;
using System.Text;
using LlamaVid.Media;

namespace LlamaVid.Tests.Media;

/// <summary>Small files that ask for much. Each is refused, or read for what it holds, within the limits; nothing of ffmpeg's own words comes out.</summary>
public sealed class HostileMediaTests
{
    private static readonly string[] Words = ["ffmpeg", "ffprobe", "libav", "moov", "0x", "file:", "/tmp", "/proc", "[", "unix:"];

    [Fact]
    public async Task A_picture_of_360_megabytes_in_a_small_file()
    {
        await using var lab = new MediaLab();
        await WritePngAsync(lab.NewFile("bomb.png"), width: 12_000, height: 10_000);
        Assert.Contains("12000 x 10000", (await RefusedAsync<VideoTooLargeException>(lab, lab.NewFile("bomb.png"))).Message);
    }

    [Fact]
    public async Task A_picture_of_600_megabytes_in_a_smaller_file()
    {
        await using var lab = new MediaLab();
        await WritePngAsync(lab.NewFile("bomb.png"), width: 20_000, height: 10_000);
        Assert.InRange(new FileInfo(lab.NewFile("bomb.png")).Length, 1, 1_000_000);
        Assert.Contains("Media:MaxPixels", (await RefusedAsync<VideoUnreadableException>(lab, lab.NewFile("bomb.png"))).Message);
    }

    /// <summary>8 bytes for each pixel, so that within the largest size that can be allowed one frame is more than one block may be.</summary>
    [Fact]
    public async Task A_frame_that_needs_a_gigabyte_in_one_piece()
    {
        await using var lab = new MediaLab(options => (options.MaxPixels, options.DecoderMegabytes) = (1 << 28, 16_384));
        await WritePngAsync(lab.NewFile("bomb.png"), width: 16_384, height: 8_200, isDeep: true);
        await RefusedAsync<VideoUnreadableException>(lab, lab.NewFile("bomb.png"));
    }

    [Theory]
    [InlineData(65_535, 65_535)]
    [InlineData(1, 65_535)]
    public async Task A_jpeg_that_claims_any_size(ushort width, ushort height)
    {
        await using var lab = new MediaLab();
        var bytes = await File.ReadAllBytesAsync(await lab.MakeAsync("a.jpg", "-f", "lavfi", "-i", "testsrc=size=64x48", "-frames:v", "1"), MediaLab.Cancel);
        var frame = bytes.AsSpan().IndexOf((ReadOnlySpan<byte>)[0xFF, 0xC0]);
        BinaryPrimitives.WriteUInt16BigEndian(bytes.AsSpan(frame + 5), height);
        BinaryPrimitives.WriteUInt16BigEndian(bytes.AsSpan(frame + 7), width);
        await File.WriteAllBytesAsync(lab.NewFile("bomb.jpg"), bytes, MediaLab.Cancel);

        await EndsAsync(lab, lab.NewFile("bomb.jpg"));
    }

    [Fact]
    public async Task Two_frames_that_lie_a_billion_seconds_apart()
    {
        await using var lab = new MediaLab();
        var path = await lab.MakeAsync("a.mkv", "-f", "lavfi", "-i", "testsrc=size=16x16:rate=1:duration=2", "-vf", "settb=1/1000,setpts=N*1000000000000", "-vsync", "passthrough", "-c:v", "mjpeg");
        await RefusedAsync<VideoTooLongException>(lab, path);
    }

    [Fact]
    public async Task A_header_that_claims_a_billion_seconds()
    {
        await using var lab = new MediaLab();
        var bytes = await File.ReadAllBytesAsync(await lab.MakeAsync("a.mp4", "-f", "lavfi", "-i", "testsrc=size=16x16:rate=10:duration=2"), MediaLab.Cancel);
        foreach (var (box, at) in new[] { ("mvhd", 16), ("mdhd", 16), ("tkhd", 20) })
            BinaryPrimitives.WriteUInt32BigEndian(bytes.AsSpan(bytes.AsSpan().IndexOf(Encoding.ASCII.GetBytes(box)) + 4 + at), uint.MaxValue - 1);
        await LastsTwoSecondsAsync(lab, bytes);
    }

    /// <summary>Unlike the one above, ffprobe takes this header's word.</summary>
    [Fact]
    public async Task A_header_that_claims_a_billion_seconds_and_is_believed_by_others()
    {
        await using var lab = new MediaLab();
        var bytes = await File.ReadAllBytesAsync(await lab.MakeAsync("a.mkv", "-f", "lavfi", "-i", "testsrc=size=16x16:rate=10:duration=2", "-c:v", "mjpeg"), MediaLab.Cancel);
        BinaryPrimitives.WriteDoubleBigEndian(bytes.AsSpan(bytes.AsSpan().IndexOf((ReadOnlySpan<byte>)[0x44, 0x89, 0x88]) + 3), 1e12);        // milliseconds
        await LastsTwoSecondsAsync(lab, bytes);
        Assert.StartsWith("1000000000", Encoding.ASCII.GetString(await MediaLab.RunAsync("ffprobe", "-v", "error", "-of", "csv=p=0", "-show_entries", "format=duration", lab.NewFile("claim"))), StringComparison.Ordinal);
    }

    private static async Task LastsTwoSecondsAsync(MediaLab lab, byte[] bytes)
    {
        await File.WriteAllBytesAsync(lab.NewFile("claim"), bytes, MediaLab.Cancel);
        await using var media = await lab.OpenAsync(lab.NewFile("claim"));
        Assert.InRange(media.Info.Duration!.Value, 1.9, 2.1);
        Assert.Equal(2, (await MediaLab.ReadAsync(media)).Count);
    }

    [Fact]
    public async Task A_hundred_thousand_tiny_frames()
    {
        await using var lab = new MediaLab();
        var path = await lab.MakeAsync("a.mkv", "-f", "lavfi", "-i", "color=size=16x16:rate=1000:duration=100", "-c:v", "libx264", "-preset", "ultrafast", "-g", "1000");
        await using (var media = await lab.OpenAsync(path))
        {
            Assert.Equal(100_000, media.Info.Packets);
            Assert.Throws<VideoTooLongException>(() => media.Plan(MediaLab.All));
            Assert.Equal(100, (await MediaLab.ReadAsync(media)).Count);
        }
    }

    [Fact]
    public async Task Hundreds_of_streams()
    {
        await using var lab = new MediaLab();
        var maps = Enumerable.Repeat<string[]>(["-map", "0:v"], 200).SelectMany(map => map).ToArray();
        var path = await lab.MakeAsync("a.mkv", [.. (string[])["-f", "lavfi", "-i", "color=size=16x16:rate=1:duration=1"], .. maps, "-c:v", "mjpeg"]);
        Assert.Contains("200 streams", (await RefusedAsync<VideoTooLargeException>(lab, path)).Message);
    }

    [Fact]
    public async Task Metadata_that_outweigh_the_video()
    {
        await using var lab = new MediaLab();
        var tags = new StringBuilder(";FFMETADATA1\n").Append("title=").Append('x', 8 << 20).Append('\n');
        for (var i = 0; i < 20_000; i++) tags.Append($"[CHAPTER]\nTIMEBASE=1/1000\nSTART={i}\nEND={i + 1}\ntitle=chapter {i}\n");
        await File.WriteAllTextAsync(lab.NewFile("tags.txt"), tags.ToString(), MediaLab.Cancel);
        var path = await lab.MakeAsync("a.mkv", "-f", "lavfi", "-i", "testsrc=size=16x16:rate=1:duration=2", "-i", lab.NewFile("tags.txt"), "-map_metadata", "1", "-c:v", "mjpeg");
        Assert.True(new FileInfo(path).Length > 8 << 20);

        await EndsAsync(lab, path);
    }

    [Fact]
    public async Task A_video_that_takes_more_processor_time_than_it_may()
    {
        await using var source = new MediaLab();
        var path = await source.MakeAsync("a.mp4", "-f", "lavfi", "-i", "testsrc=size=16x16:rate=1:duration=2");
        // A decoder that never comes to an end, beside the real probe. Written by a shell, so that no file of ours is open while another test starts a child.
        await MediaLab.RunAsync("sh", "-c", "cd \"$0\" && printf '#!/bin/sh\\nwhile :; do :; done\\n' > ffmpeg && chmod 700 ffmpeg && ln -s \"$(command -v ffprobe)\" ffprobe", Path.GetDirectoryName(path)!);
        await using var lab = new MediaLab(options => (options.FfmpegPath, options.DecoderCpuTime) = (Path.GetDirectoryName(path)!, TimeSpan.FromSeconds(1)));
        Assert.Contains("Media:DecoderCpuTime", (await RefusedAsync<VideoTooLargeException>(lab, path)).Message);
    }

    [Fact]
    public async Task A_video_that_takes_more_memory_than_it_may()
    {
        await using var source = new MediaLab();
        var path = await source.MakeAsync("a.mp4", "-f", "lavfi", "-i", "color=size=7680x4320:rate=2:duration=2", "-preset", "ultrafast");
        await using var lab = new MediaLab(options => options.DecoderMegabytes = 256);
        await EndsAsync(lab, path);
    }

    [Theory]
    [InlineData("jpeg2000")]
    [InlineData("dpx")]
    [InlineData("targa")]
    public async Task A_video_whose_decoder_is_not_among_those_that_may_run(string codec)
    {
        await using var lab = new MediaLab();
        var path = await lab.MakeAsync("a.mov", "-f", "lavfi", "-i", "testsrc=size=64x48:rate=1:duration=2", "-c:v", codec);
        await RefusedAsync<VideoUnreadableException>(lab, path);
    }

    [Fact]
    public async Task Many_files_are_looked_into_four_at_a_time()
    {
        await using var source = new MediaLab();
        var path = await source.MakeAsync("a.mp4", "-f", "lavfi", "-i", "testsrc=size=16x16:rate=1:duration=2");
        var folder = Path.GetDirectoryName(path)!;
        // In front of the real one, a probe that waits until those of four files are there (header and packets of each), and fails when there are more.
        await MediaLab.RunAsync("sh", "-c", """
            cd "$0" && mkdir all now && ln -s "$(command -v ffmpeg)" ffmpeg && printf '#!/bin/sh
            here=%s
            mkdir "$here/all/$$" "$here/now/$$"
            [ $(ls "$here/now" | wc -l) -gt 8 ] && exit 1
            until [ $(ls "$here/all" | wc -l) -ge 8 ]; do sleep 0.05; done
            %s "$@"
            code=$?
            rmdir "$here/now/$$"
            exit $code
            ' "$0" "$(command -v ffprobe)" > ffprobe && chmod 700 ffprobe
            """, folder);
        await using var lab = new MediaLab(options => options.FfmpegPath = folder);
        var bytes = await File.ReadAllBytesAsync(path, MediaLab.Cancel);
        await Task.WhenAll(Enumerable.Range(0, 12).Select(async i =>
            await (await lab.Opener.OpenAsync(new MediaSource.Inline((byte[])[.. bytes, 0, 0, 0, 9, .. "free"u8, (byte)i]), MediaLab.Cancel)).DisposeAsync()));
    }

    [Theory]
    [InlineData("#EXTM3U\n#EXTINF:1,\nhttp://127.0.0.1:1/a.ts\n")]
    [InlineData("ffconcat version 1.0\nfile /etc/passwd\n")]
    [InlineData("<?xml version=\"1.0\"?><MPD><BaseURL>file:///etc/passwd</BaseURL></MPD>")]
    [InlineData("v=0\no=- 0 0 IN IP4 127.0.0.1\nm=video 5004 RTP/AVP 96\n")]
    [InlineData("[InternetShortcut]\nURL=file:///etc/passwd\n")]
    [InlineData("RIFF\u0010\0\0\0AVI LIST")]
    [InlineData("\0\0\0\u0018ftypmp42\0\0\0\0mp42isom")]
    [InlineData("GIF89a\uffff\uffff")]
    public async Task Scripts_and_shells_of_videos(string text)
    {
        await using var lab = new MediaLab();
        await File.WriteAllTextAsync(lab.NewFile("a.mp4"), text, MediaLab.Cancel);
        await EndsAsync(lab, lab.NewFile("a.mp4"), mustFail: true);
    }

    /// <summary>XML that begins like an MP4: left to choose, ffmpeg takes it for a playlist and reads the file that it names.</summary>
    [Fact]
    public async Task A_playlist_that_begins_like_a_video()
    {
        await using var lab = new MediaLab();
        var other = await lab.MakeAsync("other.mp4", "-f", "lavfi", "-i", "testsrc=size=64x48:rate=10:duration=1", "-movflags", "+frag_keyframe+empty_moov+default_base_moof");
        var playlist = lab.NewFile("a.mp4");
        await File.WriteAllTextAsync(playlist, $"""
            <!--free--><MPD xmlns="urn:mpeg:dash:schema:mpd:2011" profiles="urn:mpeg:dash:profile:isoff-on-demand:2011" type="static" mediaPresentationDuration="PT1S" minBufferTime="PT1S">
            <Period><AdaptationSet mimeType="video/mp4"><Representation id="0" bandwidth="1"><BaseURL>file://{other}</BaseURL></Representation></AdaptationSet></Period></MPD>
            """, MediaLab.Cancel);
        var left = await MediaLab.RunAsync("ffprobe", "-v", "error", "-protocol_whitelist", "file", "-show_entries", "stream=codec_name", $"file:{playlist}");
        Assert.SkipUnless(Encoding.ASCII.GetString(left).Contains("h264", StringComparison.Ordinal), "this ffmpeg reads no such playlists");

        await RefusedAsync<VideoUnreadableException>(lab, playlist);
    }

    /// <summary>Refused as a client is told, or read: within a minute on a busy machine, and with nothing left behind, which the lab looks at.</summary>
    private static async Task EndsAsync(MediaLab lab, string path, bool mustFail = false)
    {
        var fault = await Record.ExceptionAsync(() => lab.ReadAsync(path).WaitAsync(TimeSpan.FromMinutes(1), MediaLab.Cancel));
        Assert.True(fault is null ? !mustFail : fault is VideoTooLargeException or VideoTooLongException or VideoUnreadableException or UnsupportedMediaException, fault?.ToString());
        SaysNothing(fault);
    }

    private static async Task<T> RefusedAsync<T>(MediaLab lab, string path) where T : Exception
    {
        var fault = await Assert.ThrowsAsync<T>(() => lab.ReadAsync(path).WaitAsync(TimeSpan.FromMinutes(1), MediaLab.Cancel));
        SaysNothing(fault);
        return fault;
    }

    private static void SaysNothing(Exception? fault) =>
        Assert.All(Words, word => Assert.DoesNotContain(word, fault?.Message ?? "", StringComparison.Ordinal));

    /// <summary>Black, three bytes for each pixel, or eight (16 bits, four channels) when it is deep; written without holding it.</summary>
    private static async Task WritePngAsync(string path, uint width, uint height, bool isDeep = false)
    {
        using var pixels = new MemoryStream();
        await using (var compressed = new ZLibStream(pixels, isDeep ? CompressionLevel.Fastest : CompressionLevel.Optimal, leaveOpen: true))
        {
            var row = new byte[1 + (isDeep ? 8 : 3) * width];
            for (var y = 0; y < height; y++) await compressed.WriteAsync(row, MediaLab.Cancel);
        }
        var header = new byte[13];
        BinaryPrimitives.WriteUInt32BigEndian(header, width);
        BinaryPrimitives.WriteUInt32BigEndian(header.AsSpan(4), height);
        (header[8], header[9]) = isDeep ? ((byte)16, (byte)6) : ((byte)8, (byte)2);
        await using var file = File.Create(path);
        await file.WriteAsync((byte[])[0x89, (byte)'P', (byte)'N', (byte)'G', 0x0D, 0x0A, 0x1A, 0x0A], MediaLab.Cancel);
        foreach (var (type, data) in new[] { ("IHDR", header), ("IDAT", pixels.ToArray()), ("IEND", []) })
        {
            var chunk = new byte[12 + data.Length];
            BinaryPrimitives.WriteUInt32BigEndian(chunk, (uint)data.Length);
            Encoding.ASCII.GetBytes(type, chunk.AsSpan(4));
            data.CopyTo(chunk, 8);
            BinaryPrimitives.WriteUInt32BigEndian(chunk.AsSpan(8 + data.Length), Crc32.HashToUInt32(chunk.AsSpan(4, 4 + data.Length)));
            await file.WriteAsync(chunk, MediaLab.Cancel);
        }
    }
}
