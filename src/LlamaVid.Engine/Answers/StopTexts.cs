using System.Text;

namespace LlamaVid.Engine;

/// <summary>Passes text through until one of the stop texts appears in it, holding back what may be the beginning of one.</summary>
/// <param name="stops">the client's</param>
/// <param name="templateStop">the template's own</param>
/// <param name="areKept">the client's stop text is passed too; the template's never is</param>
internal sealed class StopTexts(IReadOnlyList<string> stops, string? templateStop = null, bool areKept = false)
{
    private readonly string[] _all = templateStop is { Length: > 0 } ? [.. stops, templateStop] : [.. stops];
    private readonly StringBuilder _held = new();

    /// <summary>A stop text has been met; nothing more is passed.</summary>
    public bool IsMet { get; private set; }

    /// <summary>The client's stop text that was met.</summary>
    public string? Met { get; private set; }

    /// <returns>text that is final</returns>
    public string Feed(string text)
    {
        if (IsMet) return "";
        if (_all.Length == 0) return text;

        _held.Append(text);
        var held = _held.ToString();
        var (first, stop) = First(held);
        if (stop is not null)
        {
            IsMet = true;
            Met = stops.Contains(stop) ? stop : null;
            _held.Clear();
            return held[..(areKept && Met is not null ? first + stop.Length : first)];
        }
        var safe = held.Length - _all.Max(each => PartialMatch(held, each));
        _held.Remove(0, safe);
        return held[..safe];
    }

    /// <summary>Text in which nothing stops.</summary>
    public string Pass(string text) => Flush() + text;

    /// <summary>What was held back, at the end of the answer.</summary>
    public string Flush()
    {
        var rest = _held.ToString();
        _held.Clear();
        return rest;
    }

    private (int At, string? Stop) First(string held)
    {
        var (first, which) = (int.MaxValue, (string?)null);
        foreach (var stop in _all)
            if (held.IndexOf(stop, StringComparison.Ordinal) is >= 0 and var at && at < first)
                (first, which) = (at, stop);
        return (first, which);
    }

    /// <summary>Length of the longest proper beginning of <paramref name="stop"/> that <paramref name="text"/> ends with.</summary>
    private static int PartialMatch(string text, string stop)
    {
        for (var length = Math.Min(stop.Length - 1, text.Length); length > 0; length--)
            if (text.AsSpan().EndsWith(stop.AsSpan(0, length), StringComparison.Ordinal))
                return length;
        return 0;
    }
}
