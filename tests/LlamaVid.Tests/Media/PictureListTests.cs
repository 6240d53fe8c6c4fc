using LlamaVid.Media;

namespace LlamaVid.Tests.Media;

/// <summary>Videos whose frames come as separate pictures, in the request or by their addresses.</summary>
public sealed class PictureListTests
{
    [Fact]
    public async Task List_of_pictures_is_a_video_of_one_frame_each()
    {
        await using var lab = new MediaLab();
        var source = await PicturesAsync(lab, "16x8", "24x8", "8x24", "16x8");

        var all = await lab.ReadAsync(source);
        var two = await lab.ReadAsync(source, new() { MaxFrames = 2, FramesPerSecond = 0.1 });

        Assert.Equal([(16, 8), (24, 8), (8, 24), (16, 8)], all.Select(frame => (frame.Width, frame.Height)));
        Assert.Equal([0, 1, 2, 3], all.Select(frame => frame.Timestamp));
        Assert.Equal([(0, 0.0), (3, 30.0)], two.Select(frame => (frame.Index, frame.Timestamp)));
    }

    [Fact]
    public async Task Pictures_lie_in_time_as_their_rate_says()
    {
        await using var lab = new MediaLab();
        var source = await PicturesAsync(lab, "16x8", "24x8", "8x24", "16x8", "32x8", "8x8");

        var all = await lab.ReadAsync(source, new() { FramesPerSecond = 2 });
        var some = await lab.ReadAsync(source, new() { FramesPerSecond = 2, Start = 0.5, End = 2, MaxFrames = 2, KeyFrames = true });

        Assert.Equal([0, 0.5, 1, 1.5, 2, 2.5], all.Select(frame => frame.Timestamp));
        Assert.Equal([(1, 0.5), (3, 1.5)], some.Select(frame => (frame.Index, frame.Timestamp)));
        var none = await Assert.ThrowsAsync<VideoUnreadableException>(() => lab.ReadAsync(source, new() { FramesPerSecond = 2, Start = 3 }));
        Assert.Contains("run from 0 to 2.5 s", none.Message);
    }

    [Fact]
    public async Task Pictures_are_fetched_and_are_the_same_video_as_those_that_are_sent()
    {
        await using var lab = new MediaLab(options => (options.AllowHttp, options.AllowPrivateAddresses) = (true, true));
        var sent = await PicturesAsync(lab, "16x8", "24x8", "8x24");
        var bytes = sent.Frames.Select(frame => ((MediaSource.Inline)frame).Bytes.ToArray()).ToArray();
        await using var first = new TinyServer(_ => "HTTP/1.1 200 OK\r\nConnection: close\r\n\r\n", bytes[0]);
        await using var last = new TinyServer(_ => "HTTP/1.1 200 OK\r\nConnection: close\r\n\r\n", bytes[2]);
        var named = new MediaSource.Pictures([new MediaSource.Remote(first.Url("/0.png")), sent.Frames[1], new MediaSource.Remote(last.Url("/2"))]);

        await using var media = await lab.Opener.OpenAsync(named, MediaLab.Cancel);
        await using var same = await lab.Opener.OpenAsync(sent, MediaLab.Cancel);

        Assert.Equal(same.ContentHash, media.ContentHash);
        var frames = await MediaLab.ReadAsync(media);
        Assert.Equal((await MediaLab.ReadAsync(same)).Select(frame => frame.Sha256), frames.Select(frame => frame.Sha256));
        Assert.Equal(frames, await MediaLab.ReadAsync(media));                  // more than once
    }

    [Fact]
    public async Task Pictures_share_the_bytes_and_the_time_of_one_video()
    {
        var picture = new byte[600];
        await using var server = new TinyServer(_ => "HTTP/1.1 200 OK\r\nConnection: close\r\n\r\n", picture);
        var frames = new MediaSource.Pictures([new MediaSource.Remote(server.Url("/0")), new MediaSource.Remote(server.Url("/1"))]);

        await using var few = new MediaLab(options => (options.AllowHttp, options.AllowPrivateAddresses, options.MaxBytes) = (true, true, 1000));
        await Assert.ThrowsAsync<PayloadTooLargeException>(() => few.ReadAsync(frames));
        await using var none = new MediaLab(options => (options.AllowHttp, options.AllowPrivateAddresses, options.MaxFrames) = (true, true, 1));
        await Assert.ThrowsAsync<VideoTooLongException>(() => none.ReadAsync(frames));
        await using var closed = new MediaLab(options => options.AllowHttp = true);
        await Assert.ThrowsAsync<VideoFetchFailedException>(() => closed.ReadAsync(frames));
        await using var wrong = new MediaLab(options => (options.AllowHttp, options.AllowPrivateAddresses) = (true, true));
        await Assert.ThrowsAsync<UnsupportedMediaException>(() => wrong.ReadAsync(frames));
        await using var silent = new TinyServer(_ => "HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nhello", stall: true);
        await using var slow = new MediaLab(options => (options.AllowHttp, options.AllowPrivateAddresses, options.FetchTimeout) = (true, true, TimeSpan.FromSeconds(1)));
        await Assert.ThrowsAsync<VideoFetchFailedException>(() => slow.ReadAsync(new MediaSource.Pictures([new MediaSource.Remote(server.Url("/0")), new MediaSource.Remote(silent.Url("/1"))])));
    }

    private static async Task<MediaSource.Pictures> PicturesAsync(MediaLab lab, params string[] sizes)
    {
        var pictures = new List<MediaSource>();
        foreach (var (number, size) in sizes.Index())
            pictures.Add(new MediaSource.Inline(await File.ReadAllBytesAsync(await lab.MakeAsync($"{number}.jpg", "-f", "lavfi", "-i", $"testsrc=size={size}", "-frames:v", "1"), MediaLab.Cancel)));
        return new(pictures);
    }

    [Fact]
    public async Task Damaged_picture_is_refused_by_number()
    {
        await using var lab = new MediaLab();
        var good = await File.ReadAllBytesAsync(await lab.MakeAsync("a.png", "-f", "lavfi", "-i", "testsrc=size=16x16", "-frames:v", "1"), MediaLab.Cancel);

        var exception = await Assert.ThrowsAsync<VideoUnreadableException>(() => lab.ReadAsync(new MediaSource.Pictures([new MediaSource.Inline(good), new MediaSource.Inline(good.AsMemory(0, 30))])));
        Assert.Contains("picture 2", exception.Message);
        await Assert.ThrowsAsync<UnsupportedMediaException>(() => lab.ReadAsync(new MediaSource.Pictures([new MediaSource.Inline(good), new MediaSource.Inline("no picture"u8.ToArray())])));
        await Assert.ThrowsAsync<VideoUnreadableException>(() => lab.ReadAsync(new MediaSource.Pictures([])));
    }
}
