using System.Buffers.Binary;
using System.Text;
using LlamaVid.Media;

namespace LlamaVid.Tests.Media;

/// <summary>The subtitles in a file say what the file they were made of says; what is no text, or too much of it, is refused.</summary>
public sealed class SubtitleTrackTests
{
    private const string Srt =
        "1\n00:00:00,500 --> 00:00:01,234\n<i>Hello</i> there...\n\n2\n00:00:01,300 --> 00:00:02,004\nsecond &amp; last\n{\\an8}next row\n\n3\n00:00:03,000 --> 00:00:03,900\nGrüße, 世界\n";

    [Theory]
    [InlineData("a.mp4", "mov_text")]
    [InlineData("a.mov", "mov_text")]
    [InlineData("a.mkv", "srt")]
    [InlineData("a.webm", "webvtt")]
    public async Task A_track_says_what_the_file_it_was_made_of_says(string name, string codec)
    {
        await using var lab = new MediaLab();
        Assert.Equal(Subtitles.Parse(Srt), await ReadAsync(lab, await MakeAsync(lab, name, Srt, codec)));
    }

    [Fact]
    public async Task An_ass_track_is_as_exact_as_its_own_clock()
    {
        await using var lab = new MediaLab();
        var lines = await ReadAsync(lab, await MakeAsync(lab, "a.mkv", Srt, "ass"));
        Assert.Equal(Subtitles.Parse(Srt).Select(line => line.Text), lines.Select(line => line.Text));
        Assert.All(Subtitles.Parse(Srt).Zip(lines), pair => Assert.Equal(pair.First.End, pair.Second.End, 0.01));
    }

    [Fact]
    public async Task The_subtitles_run_on_the_clock_of_the_frames()
    {
        await using var lab = new MediaLab();
        var path = await MakeAsync(lab, "a.mkv", Srt, "srt", "-output_ts_offset", "7");
        await using var media = await lab.Opener.OpenAsync(new MediaSource.LocalFile(path), withSubtitles: true, MediaLab.Cancel);
        Assert.Equal((7, 7.5), (media.Info.StartTime, media.Subtitles![0].Start));
    }

    [Fact]
    public async Task Subtitles_may_begin_before_the_video_does()
    {
        await using var lab = new MediaLab();
        var srt = await WriteAsync(lab, Srt);
        var path = await lab.MakeAsync("a.mp4", [.. Pictures, "-itsoffset", "-1", "-i", srt, "-map", "0", "-map", "1", "-c:s", "mov_text", "-avoid_negative_ts", "disabled"]);
        var lines = await ReadAsync(lab, path);
        Assert.True(lines[0].Start < 0 && lines[0].End >= lines[0].Start, $"{lines[0]}");
        Assert.Equal(3, lines.Count);
    }

    [Fact]
    public async Task Of_several_tracks_the_one_with_text_that_a_player_would_show_is_read()
    {
        await using var lab = new MediaLab();
        var (first, second, bitmap) = (await WriteAsync(lab, Srt), await WriteAsync(lab, Srt.Replace("second", "zweite", StringComparison.Ordinal)), await WriteBitmapsAsync(lab));
        var path = await lab.MakeAsync("a.mkv", [.. Pictures, "-f", "sup", "-i", bitmap, "-i", first, "-i", second, "-map", "0", "-map", "1", "-map", "2", "-map", "3", "-c:s", "copy",
            "-disposition:s:0", "default", "-disposition:s:1", "0", "-disposition:s:2", "default"]);
        Assert.StartsWith("zweite", (await ReadAsync(lab, path))[1].Text, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData(false, true, 2)]      // the default one
    [InlineData(true, true, 1)]       // forced lines are less than all
    public void The_default_track_goes_first_unless_it_holds_forced_lines_only(bool isForced, bool isDefault, int index) => Assert.Equal(index,
        SubtitleTrack.Choose([new(0, "dvd_subtitle", true, false), new(1, "subrip", false, false), new(2, "ass", isDefault, isForced)]).Index);

    [Fact]
    public async Task A_video_without_a_track_is_refused_and_only_when_one_is_asked_for()
    {
        await using var lab = new MediaLab();
        var path = await lab.MakeAsync("a.mkv", Pictures);
        Assert.Contains("it has no subtitle track", (await RefusedAsync(lab, path)).Message, StringComparison.Ordinal);
        await using var media = await lab.OpenAsync(path);
        Assert.Null(media.Subtitles);
    }

    [Fact]
    public async Task Pictures_of_text_are_refused_by_their_name()
    {
        await using var lab = new MediaLab();
        var path = await lab.MakeAsync("a.mkv", [.. Pictures, "-f", "sup", "-i", await WriteBitmapsAsync(lab), "-map", "0", "-map", "1", "-c:s", "copy"]);
        Assert.Contains("hdmv_pgs_subtitle", (await RefusedAsync(lab, path)).Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Pictures_have_no_track()
    {
        await using var lab = new MediaLab();
        await RefusedAsync(lab, await lab.MakeAsync("a.png", "-f", "lavfi", "-i", "testsrc=size=64x48", "-frames:v", "1"));
        await RefusedAsync(lab, await lab.MakeAsync("a.gif", Pictures));
        await Assert.ThrowsAsync<SubtitleTrackException>(() => lab.Opener.OpenAsync(new MediaSource.Pictures([new MediaSource.Inline(new byte[] { 1 })]), withSubtitles: true, MediaLab.Cancel));
    }

    [Fact]
    public async Task More_subtitles_than_are_read_are_refused()
    {
        await using var lab = new MediaLab();
        var srt = new StringBuilder();
        for (var i = 0; i <= Subtitles.MostLines; i++) srt.Append($"{i + 1}\n00:00:{i / 2000:00},{i / 2 % 1000:000} --> 00:01:00,000\n{i}\n\n");
        Assert.Contains("100000", (await RefusedAsync(lab, await MakeAsync(lab, "a.mkv", srt.ToString(), "copy"))).Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task More_text_than_is_read_is_refused()
    {
        await using var lab = new MediaLab();
        var row = new string('x', 1000) + '\n';
        var srt = new StringBuilder();
        for (var i = 0; i < 100; i++) srt.Append($"{i + 1}\n00:00:{i / 10:00},{i % 10}00 --> 00:01:00,000\n").Insert(srt.Length, row, 100).Append('\n');
        Assert.Contains("8 MB", (await RefusedAsync(lab, await MakeAsync(lab, "a.mkv", srt.ToString(), "copy"))).Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Bytes_that_are_no_text_stay_in_their_own_subtitle()
    {
        await using var lab = new MediaLab();
        byte[] rubbish = [0xFF, 0xFE, 1, 2, 0x1B, (byte)'[', (byte)'3', (byte)'1', (byte)'m', 0xC3];
        var path = lab.NewFile("a.srt");
        await File.WriteAllBytesAsync(path, [.. "1\n00:00:00,500 --> 00:00:01,000\nab"u8, .. rubbish, .. "\n\n2\n00:00:02,000 --> 00:00:03,000\nfine\n"u8], MediaLab.Cancel);
        var lines = await ReadAsync(lab, await lab.MakeAsync("a.mkv", [.. Pictures, "-i", path, "-map", "0", "-map", "1", "-c:s", "copy"]));
        Assert.Equal([new(0.5, 1, "ab\uFFFD\uFFFD\u0001\u0002\u001B[31m\uFFFD"), new(2, 3, "fine")], lines);
    }

    [Fact]
    public async Task A_file_that_breaks_off_gives_the_subtitles_before_the_break_or_is_refused()
    {
        await using var lab = new MediaLab();
        var bytes = await File.ReadAllBytesAsync(await MakeAsync(lab, "a.mkv", Srt, "srt"), MediaLab.Cancel);
        var whole = Subtitles.Parse(Srt);
        foreach (var share in new[] { 0.3, 0.6, 0.9 })
        {
            await File.WriteAllBytesAsync(lab.NewFile("b.mkv"), bytes[..(int)(bytes.Length * share)], MediaLab.Cancel);
            try
            {
                var lines = await ReadAsync(lab, lab.NewFile("b.mkv"));
                Assert.Equal(whole.Take(lines.Count), lines);
            }
            catch (Exception fault) when (fault is SubtitleTrackException or VideoUnreadableException)
            {
            }
        }
    }

    [Fact]
    public void A_text_with_empty_rows_or_times_in_it_is_one_subtitle() => Assert.Equal(
        [new(-0.8, 1, "a 1 00:00:05,000 --> 00:00:06,000 b"), new(2, 3, "<b>c & d")],
        SubtitleTrack.Parse("1\n00:00:00,-800 --> 00:00:01,000\na\n\n\n1\n00:00:05,000 --> 00:00:06,000\nb\n\n2\n00:00:02,000 --> 00:00:03,000 X1:0 X2:1\n<b>c &amp; d\n\n", isMarkedUp: false));

    private static string[] Pictures => ["-f", "lavfi", "-i", "testsrc=size=64x48:rate=10:duration=5"];

    private static async Task<IReadOnlyList<SubtitleLine>> ReadAsync(MediaLab lab, string path)
    {
        await using var media = await lab.Opener.OpenAsync(new MediaSource.LocalFile(path), withSubtitles: true, MediaLab.Cancel);
        Assert.NotEmpty(await MediaLab.ReadAsync(media));
        return media.Subtitles!;
    }

    private static Task<SubtitleTrackException> RefusedAsync(MediaLab lab, string path) =>
        Assert.ThrowsAsync<SubtitleTrackException>(() => lab.Opener.OpenAsync(new MediaSource.LocalFile(path), withSubtitles: true, MediaLab.Cancel));

    private static async Task<string> MakeAsync(MediaLab lab, string name, string srt, string codec, params string[] more) =>
        await lab.MakeAsync(name, [.. Pictures, "-i", await WriteAsync(lab, srt), "-map", "0", "-map", "1", "-c:s", codec, .. more]);

    private static async Task<string> WriteAsync(MediaLab lab, string srt)
    {
        var path = lab.NewFile($"{Guid.NewGuid():N}.srt");
        await File.WriteAllTextAsync(path, srt, MediaLab.Cancel);
        return path;
    }

    /// <summary>Two empty pictures as a Blu-ray disc has them.</summary>
    private static async Task<string> WriteBitmapsAsync(MediaLab lab)
    {
        byte[] composition = [0, 64, 0, 48, 0x10, 0, 0, 0x80, 0, 0, 0];
        byte[] all = [.. Segment(0x16, 1, composition), .. Segment(0x80, 1, []), .. Segment(0x16, 2, composition), .. Segment(0x80, 2, [])];
        var path = lab.NewFile("a.sup");
        await File.WriteAllBytesAsync(path, all, MediaLab.Cancel);
        return path;
    }

    private static byte[] Segment(byte kind, uint second, byte[] content)
    {
        var header = new byte[13];
        "PG"u8.CopyTo(header);
        BinaryPrimitives.WriteUInt32BigEndian(header.AsSpan(2), second * 90_000);
        header[10] = kind;
        BinaryPrimitives.WriteUInt16BigEndian(header.AsSpan(11), (ushort)content.Length);
        return [.. header, .. content];
    }
}
