using LlamaVid.Media;

namespace LlamaVid.Tests.Media;

/// <summary>Media whose bytes are known are not looked into again, are planned and read as before, and nothing is known of media that were refused.</summary>
public sealed class KnownMediaTests : IAsyncLifetime
{
    private static readonly string[] Pictures = ["-f", "lavfi", "-i", "testsrc=size=64x48:rate=10:duration=3", "-pix_fmt", "yuv420p"];
    private const int OfAVideo = 2;                     // header and packets

    private CountedTools _tools = null!;

    public async ValueTask InitializeAsync() => _tools = await CountedTools.MakeAsync(MediaLab.RunAsync);

    [Fact]
    public async Task Known_bytes_start_no_process_however_they_come()
    {
        await using var lab = Lab();
        var path = await lab.MakeAsync("a.mp4", Pictures);
        var bytes = await File.ReadAllBytesAsync(path, MediaLab.Cancel);
        await using var first = await lab.OpenAsync(path);
        Assert.Equal(OfAVideo, _tools.Probes);

        foreach (var source in (MediaSource[])[new MediaSource.LocalFile(path), new MediaSource.LocalFile(path, MediaLab.Sha256(bytes)), new MediaSource.Inline(bytes)])
        {
            await using var again = await lab.Opener.OpenAsync(source, MediaLab.Cancel);
            Assert.Equal((first.Info, first.ContentHash), (again.Info, again.ContentHash));
            Assert.Equal(first.Plan(new() { FramesPerSecond = 3, Start = 0.4 }), again.Plan(new() { FramesPerSecond = 3, Start = 0.4 }));
        }

        Assert.Equal((OfAVideo, 0), (_tools.Probes, _tools.Decoders));
        Assert.Equal((4, 3), (lab.Opener.Knowledge.Queries, lab.Opener.Knowledge.Hits));
    }

    [Fact]
    public async Task A_known_video_is_read_as_the_same_video_was_before_it_was_known()
    {
        await using var lab = Lab();
        var path = await lab.MakeAsync("a.mp4", [.. Pictures, "-g", "4"]);
        FrameSampling[] samplings = [new(), new() { MaxFrames = 3, FramesPerSecond = 10 }, new() { Start = 2.2 }, new() { KeyFrames = true, FramesPerSecond = 2 }, new() { End = 0.35, FramesPerSecond = 10 }];
        foreach (var sampling in samplings)
        {
            await using var fresh = Lab();
            Assert.Equal(await fresh.ReadAsync(path, sampling), await lab.ReadAsync(path, sampling));
        }
        Assert.Equal(OfAVideo * (1 + samplings.Length), _tools.Probes);
    }

    [Fact]
    public async Task One_byte_more_is_another_file()
    {
        await using var lab = Lab();
        var path = await lab.MakeAsync("a.ts", [.. Pictures, "-c:v", "mpeg2video"]);
        await using var first = await lab.OpenAsync(path);
        await using var more = await lab.Opener.OpenAsync(new MediaSource.Inline((byte[])[.. await File.ReadAllBytesAsync(path, MediaLab.Cancel), 0]), MediaLab.Cancel);
        Assert.Equal(2 * OfAVideo, _tools.Probes);
        Assert.Equal(0, lab.Opener.Knowledge.Hits);
    }

    [Fact]
    public async Task Pictures_alone_and_in_a_list_are_known_each_for_itself()
    {
        await using var lab = Lab();
        var picture = new MediaSource.Inline(await File.ReadAllBytesAsync(await lab.MakeAsync("a.png", "-f", "lavfi", "-i", "testsrc=size=16x8", "-frames:v", "1"), MediaLab.Cancel));
        MediaSource[] sources = [picture, new MediaSource.Pictures([picture]), new MediaSource.Pictures([picture, picture])];
        for (var round = 0; round < 2; round++)
            foreach (var (source, count) in sources.Zip([1, 1, 2]))
            {
                await using var media = await lab.Opener.OpenAsync(source, MediaLab.Cancel);
                Assert.Equal((16, 8, count, true), (media.Info.Width, media.Info.Height, media.Info.Packets, media.Info.IsPicture));
                Assert.Equal(count, (await MediaLab.ReadAsync(media)).Count);
            }
        Assert.Equal((3, 8), (_tools.Probes, _tools.Decoders));
    }

    [Fact]
    public async Task Subtitles_are_taken_out_of_a_file_once()
    {
        await using var lab = Lab();
        var srt = lab.NewFile("a.srt");
        await File.WriteAllTextAsync(srt, "1\n00:00:00,500 --> 00:00:01,000\nHello\n", MediaLab.Cancel);
        var path = new MediaSource.LocalFile(await lab.MakeAsync("a.mkv", [.. Pictures[..4], "-i", srt, "-map", "0", "-map", "1", "-c:s", "srt"]));
        await using (await lab.Opener.OpenAsync(path, MediaLab.Cancel)) { }
        for (var round = 0; round < 2; round++)
        {
            await using var media = await lab.Opener.OpenAsync(path, withSubtitles: true, MediaLab.Cancel);
            Assert.Equal([new(0.5, 1, "Hello")], media.Subtitles);
            Assert.Equal(1, media.SubtitleTrack!.Index);
        }
        Assert.Equal((OfAVideo, 1), (_tools.Probes, _tools.Decoders));
        await using var without = await lab.Opener.OpenAsync(path, MediaLab.Cancel);
        Assert.Null(without.Subtitles);
    }

    [Fact]
    public async Task What_was_refused_is_looked_into_again_and_refused_in_the_same_words()
    {
        await using var lab = Lab(options => (options.MaxPixels, options.MaxDuration) = (64 * 48, TimeSpan.FromSeconds(3.5)));
        var damaged = new MediaSource.Inline((byte[])[0, 0, 0, 24, .. "ftypisom"u8, .. new byte[500]]);
        var large = new MediaSource.LocalFile(await lab.MakeAsync("large.mp4", "-f", "lavfi", "-i", "testsrc=size=66x48:rate=10:duration=1", "-pix_fmt", "yuv420p"));
        var sound = new MediaSource.LocalFile(await lab.MakeAsync("sound.mp4", "-f", "lavfi", "-i", "sine=duration=1"));
        var longer = new MediaSource.LocalFile(await lab.MakeAsync("long.mp4", "-f", "lavfi", "-i", "testsrc=size=64x48:rate=10:duration=4", "-pix_fmt", "yuv420p"));
        foreach (var (source, type) in new (MediaSource, Type)[]
        {
            (damaged, typeof(VideoUnreadableException)), (large, typeof(VideoTooLargeException)), (sound, typeof(VideoUnreadableException)), (longer, typeof(VideoTooLongException)),
        })
        {
            var (once, twice) = (await RefusalAsync(source), await RefusalAsync(source));
            Assert.IsType(type, once);
            Assert.Equal((type, once.Message), (twice.GetType(), twice.Message));
        }
        Assert.Equal(1, lab.Opener.Knowledge.Hits);     // what the long one holds is known, the limit is applied each time

        async Task<Exception> RefusalAsync(MediaSource source) => await Assert.ThrowsAnyAsync<Exception>(() => lab.ReadAsync(source));
    }

    [Fact]
    public async Task Limits_of_a_request_are_those_of_the_request()
    {
        await using var lab = Lab(options => options.MaxFrames = 5);
        var path = await lab.MakeAsync("a.mp4", Pictures);
        Assert.Equal(3, (await lab.ReadAsync(path)).Count);
        await Assert.ThrowsAsync<VideoTooLongException>(() => lab.ReadAsync(path, MediaLab.All));
        await Assert.ThrowsAsync<VideoTooLongException>(() => lab.ReadAsync(path, new() { MaxFrames = 6 }));
        await Assert.ThrowsAsync<VideoUnreadableException>(() => lab.ReadAsync(path, new() { Start = 4 }));
        Assert.Equal(5, (await lab.ReadAsync(path, new() { FramesPerSecond = 10, MaxFrames = 5 })).Count);
        Assert.Equal(OfAVideo, _tools.Probes);
    }

    [Fact]
    public async Task Of_many_who_bring_the_same_bytes_at_once_one_looks()
    {
        await using var lab = Lab();
        var path = await lab.MakeAsync("a.mp4", Pictures);
        _tools.Hold();
        var opening = Enumerable.Range(0, 8).Select(_ => lab.OpenAsync(path)).ToArray();
        await UntilAsync(() => lab.Opener.Knowledge.Queries == 8 && _tools.Probes == OfAVideo);
        _tools.LetGo();
        foreach (var media in await Task.WhenAll(opening)) await media.DisposeAsync();
        Assert.Equal(OfAVideo, _tools.Probes);
        Assert.Equal(7, lab.Opener.Knowledge.Hits);
    }

    [Fact]
    public async Task Damaged_bytes_that_many_bring_at_once_are_looked_into_one_after_the_other_and_refused_to_each()
    {
        await using var lab = Lab();
        var damaged = new MediaSource.Inline((byte[])[0, 0, 0, 24, .. "ftypisom"u8, .. new byte[500]]);
        _tools.Hold();
        var opening = Enumerable.Range(0, 4).Select(_ => lab.Opener.OpenAsync(damaged, MediaLab.Cancel)).ToArray();
        await UntilAsync(() => lab.Opener.Knowledge.Queries == 4 && _tools.Probes == OfAVideo);
        _tools.LetGo();
        foreach (var refused in opening) await Assert.ThrowsAsync<VideoUnreadableException>(() => refused);
        Assert.InRange(_tools.Probes, 4, 4 * OfAVideo);
        Assert.Equal((0, 0), (lab.Opener.Knowledge.Hits, lab.Opener.Knowledge.Bytes));
    }

    [Fact]
    public async Task When_the_one_who_looks_goes_away_the_next_one_looks()
    {
        await using var lab = Lab();
        var path = await lab.MakeAsync("a.mp4", Pictures);
        using var leaving = new CancellationTokenSource();
        _tools.Hold();
        var first = lab.Opener.OpenAsync(new MediaSource.LocalFile(path), leaving.Token);
        await UntilAsync(() => _tools.Probes == OfAVideo);
        var second = lab.OpenAsync(path);
        await UntilAsync(() => lab.Opener.Knowledge.Queries == 2);

        await leaving.CancelAsync();
        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => first);
        await UntilAsync(() => _tools.Probes == 2 * OfAVideo);
        _tools.LetGo();

        await using var media = await second;
        Assert.Equal(30, media.Info.Packets);
        Assert.Equal(0, lab.Opener.Knowledge.Hits);
    }

    [Fact]
    public async Task Who_waits_for_another_may_go_away()
    {
        await using var lab = Lab();
        var path = await lab.MakeAsync("a.mp4", Pictures);
        using var leaving = new CancellationTokenSource();
        _tools.Hold();
        var first = lab.OpenAsync(path);
        await UntilAsync(() => _tools.Probes == OfAVideo);
        var second = lab.Opener.OpenAsync(new MediaSource.LocalFile(path), leaving.Token);
        await UntilAsync(() => lab.Opener.Knowledge.Queries == 2);

        await leaving.CancelAsync();
        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => second);
        _tools.LetGo();
        await using var media = await first;
        Assert.Equal(OfAVideo, _tools.Probes);
    }

    [Fact]
    public async Task Without_memory_nothing_is_remembered_and_all_is_read()
    {
        await using var lab = Lab(options => options.KnownMegabytes = 0);
        var path = await lab.MakeAsync("a.mp4", Pictures);
        Assert.Equal(await lab.ReadAsync(path), await lab.ReadAsync(path));
        Assert.Equal(2 * OfAVideo, _tools.Probes);
        Assert.Equal((0, 0), (lab.Opener.Knowledge.Hits, lab.Opener.Knowledge.Bytes));
    }

    [Fact]
    public async Task Memory_is_counted_in_bytes_and_what_was_used_longest_ago_goes()
    {
        const int Each = 10_000, Fit = 10;
        using var known = new KnownMedia(Fit * Each + Each / 2);
        var looks = 0;
        for (var number = 0; number < 50; number++)
        {
            await FindAsync($"{number}", Each);
            Assert.InRange(known.Knowledge.Bytes, 1, Fit * Each + Each / 2);
        }
        Assert.Equal(50, looks);

        await UntilAsync(async () =>                    // what found no room has made some
        {
            var before = looks;
            await FindAsync("new", Each);
            return looks == before;
        });
        var all = looks;
        await FindAsync("a film", 20 * Each);
        await FindAsync("a film", 20 * Each);
        Assert.Equal(all + 2, looks);                   // larger than all memory: never kept, and nothing goes for it
        await FindAsync("new", Each);
        Assert.Equal(all + 2, looks);

        Task<SubtitleFinding> FindAsync(string hash, int bytes) => known.FindAsync(new(hash, MediaAspect.Subtitles), () =>
        {
            looks++;
            return Task.FromResult(new SubtitleFinding(new(0, "subrip", true, false), [new(0, 1, new string('x', bytes / sizeof(char)))]));
        }, MediaLab.Cancel);
    }

    [Fact]
    public void A_film_weighs_what_its_times_take()
    {
        const int Packets = 1_000_000;
        var ticks = Enumerable.Range(0, Packets).Select(tick => (long)tick).ToList();
        var stream = new ProbedStream(0, "h264", 64, 48, "yuv420p", new(25, 1), new(1, 25), null, null, null);
        var film = new FileFinding(MediaFormat.Sniff([0, 0, 0, 24, .. "ftypisom"u8]), stream, PacketTimes.Of(new(0, ticks, ticks[..1000], 0), new(1, 25)),
            new("mp4", "h264", 64, 48, new(25, 1), null, Packets, 40_000, 0, 0, IsPicture: false));
        Assert.InRange(film.Bytes, (Packets + 1000) * sizeof(double), (Packets + 1000) * sizeof(double) + 10_000);
    }

    public ValueTask DisposeAsync()
    {
        _tools.Dispose();
        return ValueTask.CompletedTask;
    }

    private MediaLab Lab(Action<MediaOptions>? configure = null) => new(options =>
    {
        options.FfmpegPath = _tools.Folder;
        configure?.Invoke(options);
    });

    private static Task UntilAsync(Func<bool> happened) => UntilAsync(() => Task.FromResult(happened()));

    private static async Task UntilAsync(Func<Task<bool>> happened)
    {
        using var late = CancellationTokenSource.CreateLinkedTokenSource(MediaLab.Cancel);
        late.CancelAfter(TimeSpan.FromMinutes(1));
        while (!await happened()) await Task.Delay(10, late.Token);
    }
}
