using System.Globalization;
using System.Text;
using System.Text.RegularExpressions;
using Microsoft.Extensions.Logging;

namespace LlamaVid.Media;

/// <summary>Takes the text out of a file's own subtitle track, in a confined child like every decoder. Decodes no picture, and knows nothing of where the text is shown.</summary>
/// <remarks>
/// SubRip is copied, so that it is read by the rules for subtitle files; of the other kinds ffmpeg makes plain text. Its rows are cut at the numbers that it counts itself,
/// so that a text with empty rows, or with what looks like times, stays the text of its own subtitle.
/// </remarks>
internal static partial class SubtitleTrack
{
    private const int MostBytes = 8 << 20;
    private const string SubRip = "subrip";
    private static readonly string[] TextKinds = [SubRip, "mov_text", "ass", "ssa", "webvtt", "text"];
    private static readonly string Decoders = string.Join(',', TextKinds);

    /// <returns>what is said, in the order of the track, on the clock of the video's frames</returns>
    /// <exception cref="SubtitleTrackException">there is more in it than is read, or it cannot be read</exception>
    public static async Task<IReadOnlyList<SubtitleLine>> ReadAsync(
        FfmpegTools tools, Workspace workspace, MediaFormat format, ProbedTrack track, MediaOptions options, ILogger logger, CancellationToken cancellationToken)
    {
        var kind = track.Codec == SubRip ? "copy" : "text";
        using var stop = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken);
        stop.CancelAfter(options.ProbeTimeout);
        var run = FfmpegRun.Start(tools, workspace, $"-copyts -threads 1 -vn -an -dn {tools.SubtitleGuards(format, Decoders)}", sockets: 1,
            _ => $"-map 0:{track.Index} -c:s {kind} -avoid_negative_ts disabled -f srt -y", logger);
        await using var _ = run.ConfigureAwait(false);
        try
        {
            var socket = await run.AcceptAsync(0, stop.Token).ConfigureAwait(false) ?? throw Damaged();
            await using var closing = socket.ConfigureAwait(false);
            var text = await TextAsync(socket, stop.Token).ConfigureAwait(false);
            return await run.Ended.WaitAsync(stop.Token).ConfigureAwait(false) == 0 ? Parse(text, isMarkedUp: track.Codec == SubRip) : throw Damaged();
        }
        catch (OperationCanceledException) when (!cancellationToken.IsCancellationRequested)
        {
            throw new SubtitleTrackException($"reading them took longer than {options.ProbeTimeout.TotalSeconds:0.#} s (Media:ProbeTimeout).");
        }
    }

    /// <summary>The track that a player would show: of those with text the default one, and rather a full one than one of forced lines only.</summary>
    /// <exception cref="SubtitleTrackException">there is no track of text</exception>
    internal static ProbedTrack Choose(IReadOnlyList<ProbedTrack> tracks) =>
        tracks.Where(track => TextKinds.Contains(track.Codec)).OrderBy(track => track.IsForced).ThenByDescending(track => track.IsDefault).FirstOrDefault()
        ?? throw new SubtitleTrackException(tracks.Count == 0
            ? "it has no subtitle track."
            : $"none of its subtitle tracks is text (SRT, mov_text, ASS or WebVTT); they are {string.Join(", ", tracks.Select(track => track.Codec).Distinct())}, which are pictures of text or of an unknown kind.");

    /// <param name="srt">as ffmpeg writes it</param>
    /// <param name="isMarkedUp">tags stand in the text, rather than the text itself</param>
    internal static IReadOnlyList<SubtitleLine> Parse(string srt, bool isMarkedUp)
    {
        var rows = srt.ReplaceLineEndings("\n").Split('\n');
        var lines = new List<SubtitleLine>();
        for (var (at, number) = (0, 1); Times(rows, at, number) is { } times; number++)
        {
            if (number > Subtitles.MostLines) throw new SubtitleTrackException($"there are more than the {Subtitles.MostLines} that are read.");
            var end = at + 2;
            while (end < rows.Length && Times(rows, end, number + 1) is null) end++;
            if (Subtitles.Shown(rows[(at + 2)..end], isMarkedUp) is { Length: > 0 } text) lines.Add(new(Seconds(times, 1), Seconds(times, 5), text));
            at = end;
        }
        return lines;
    }

    /// <summary>The times of a subtitle that begins in this row; null when none does.</summary>
    private static Match? Times(string[] rows, int row, int number) =>
        row + 1 < rows.Length && int.TryParse(rows[row], NumberStyles.None, CultureInfo.InvariantCulture, out var found) && found == number
        && TimesOfFfmpeg().Match(rows[row + 1]) is { Success: true } times ? times : null;

    private static async Task<string> TextAsync(Stream socket, CancellationToken cancellationToken)
    {
        using var bytes = new MemoryStream();
        var buffer = new byte[1 << 16];
        while (await socket.ReadAsync(buffer, cancellationToken).ConfigureAwait(false) is > 0 and var count)
        {
            if (bytes.Length + count > MostBytes) throw new SubtitleTrackException($"they are more than the {MostBytes >> 20} MB of text that are read.");
            bytes.Write(buffer.AsSpan(0, count));
        }
        return Encoding.UTF8.GetString(bytes.GetBuffer(), 0, (int)bytes.Length);
    }

    private static SubtitleTrackException Damaged() => new("their track is damaged, or of a variety that is not known here.");

    /// <summary>Before the beginning ffmpeg puts a minus before each part of a time.</summary>
    private static double Seconds(Match times, int group)
    {
        return (Number(0) * 3_600_000 + Number(1) * 60_000 + Number(2) * 1000 + Number(3)) / 1000;

        double Number(int part) => int.Parse(times.Groups[group + part].ValueSpan, NumberStyles.AllowLeadingSign, CultureInfo.InvariantCulture);
    }

    [GeneratedRegex(@"^(-?\d{1,9}):(-?\d{1,2}):(-?\d{1,2}),(-?\d{1,3}) --> (-?\d{1,9}):(-?\d{1,2}):(-?\d{1,2}),(-?\d{1,3})(?:\s|$)", RegexOptions.CultureInvariant)]
    private static partial Regex TimesOfFfmpeg();
}
