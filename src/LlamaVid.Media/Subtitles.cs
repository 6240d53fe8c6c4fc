using System.Globalization;
using System.Net;
using System.Text.RegularExpressions;

namespace LlamaVid.Media;

/// <summary>What is said in a video, and when.</summary>
/// <param name="Start">seconds</param>
/// <param name="End">seconds</param>
public sealed record SubtitleLine(double Start, double End, string Text);

public enum SubtitleFormat { Srt, Vtt }

/// <summary>Reads subtitle files: SubRip, and WebVTT with its notes, styles and settings left out. Text only: tags are dropped, and so are "..." and NULs, as in the official code.</summary>
public static partial class Subtitles
{
    internal const int MostLines = 100_000;

    /// <summary>What the text is, by how it begins.</summary>
    public static SubtitleFormat FormatOf(string text) => text.AsSpan().TrimStart('\uFEFF').StartsWith("WEBVTT", StringComparison.Ordinal) ? SubtitleFormat.Vtt : SubtitleFormat.Srt;

    /// <returns>the lines in the order of the file; those without text are left out</returns>
    /// <exception cref="SubtitlesUnreadableException">a block is no subtitle; the message names its line</exception>
    public static IReadOnlyList<SubtitleLine> Parse(string text)
    {
        var isVtt = FormatOf(text) == SubtitleFormat.Vtt;
        var rows = text.TrimStart('\uFEFF').ReplaceLineEndings("\n").Split('\n');
        var lines = new List<SubtitleLine>();
        for (var i = 0; i < rows.Length;)
        {
            if (rows[i].Trim().Length == 0)
            {
                i++;
                continue;
            }
            var first = i;
            while (i < rows.Length && rows[i].Trim().Length > 0) i++;
            if (isVtt && (first == 0 || IsAside(rows[first]))) continue;
            if (Read(rows.AsSpan(first, i - first), first + 1) is { Text.Length: > 0 } line) lines.Add(line);
            if (lines.Count > MostLines) throw new SubtitlesUnreadableException(first + 1, $"is beyond the {MostLines} subtitles that are read");
        }
        return lines;
    }

    private static bool IsAside(string row) => row.Split(' ', '\t')[0] is "NOTE" or "STYLE" or "REGION";

    /// <param name="number">of the block's first row in the file, from 1</param>
    private static SubtitleLine Read(ReadOnlySpan<string> block, int number)
    {
        var at = block[0].Contains("-->", StringComparison.Ordinal) ? 0 : 1;            // a number or a name may stand before the times
        if (at >= block.Length || Times().Match(block[at]) is not { Success: true } times) throw new SubtitlesUnreadableException(number, "has no times such as 00:00:01,000 --> 00:00:02,500");
        var (start, end) = (Seconds(times, 1), Seconds(times, 5));
        if (end < start) throw new SubtitlesUnreadableException(number + at, "ends before it begins");
        return new(start, end, Shown(block[(at + 1)..].ToArray(), isMarkedUp: true));
    }

    /// <summary>The rows of one subtitle as one line, without tags where there are some.</summary>
    internal static string Shown(IEnumerable<string> rows, bool isMarkedUp)
    {
        var text = string.Join(' ', rows.Select(row => row.Trim()).Where(row => row.Length > 0));
        return WebUtility.HtmlDecode(isMarkedUp ? Tags().Replace(text, "") : text).Replace("...", "", StringComparison.Ordinal).Replace("\0", "", StringComparison.Ordinal).Trim();
    }

    private static double Seconds(Match times, int group)
    {
        var hours = times.Groups[group].Success ? Number(times.Groups[group]) : 0;
        return hours * 3600 + Number(times.Groups[group + 1]) * 60 + Number(times.Groups[group + 2]) + Number(times.Groups[group + 3]) / Math.Pow(10, times.Groups[group + 3].Length);
    }

    private static double Number(Capture digits) => double.Parse(digits.ValueSpan, NumberStyles.None, CultureInfo.InvariantCulture);

    [GeneratedRegex(@"^\s*(?:(\d{1,4}):)?([0-5]?\d):([0-5]\d)[,.](\d{1,3})\s*-->\s*(?:(\d{1,4}):)?([0-5]?\d):([0-5]\d)[,.](\d{1,3})(?:\s|$)", RegexOptions.CultureInvariant)]
    private static partial Regex Times();

    [GeneratedRegex(@"</?[a-zA-Z0-9][^<>]*>|\{\\[^{}]*\}", RegexOptions.CultureInvariant)]
    private static partial Regex Tags();
}
