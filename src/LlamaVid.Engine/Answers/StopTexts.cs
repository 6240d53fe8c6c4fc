using System.Text;

namespace LlamaVid.Engine;

/// <summary>Passes text through until one of the stop texts appears in it, holding back what may be the beginning of one.</summary>
internal sealed class StopTexts(IReadOnlyList<string> stops)
{
    private readonly StringBuilder _held = new();

    /// <summary>A stop text has been met; nothing more is passed.</summary>
    public bool IsMet { get; private set; }

    /// <returns>text that is final</returns>
    public string Feed(string text)
    {
        if (IsMet) return "";
        if (stops.Count == 0) return text;

        _held.Append(text);
        var held = _held.ToString();
        var first = stops.Select(stop => held.IndexOf(stop, StringComparison.Ordinal)).Where(at => at >= 0).DefaultIfEmpty(-1).Min();
        if (first >= 0)
        {
            IsMet = true;
            _held.Clear();
            return held[..first];
        }
        var safe = held.Length - stops.Max(stop => PartialMatch(held, stop));
        _held.Remove(0, safe);
        return held[..safe];
    }

    /// <summary>What was held back, at the end of the answer.</summary>
    public string Flush()
    {
        var rest = _held.ToString();
        _held.Clear();
        return rest;
    }

    /// <summary>Length of the longest proper beginning of <paramref name="stop"/> that <paramref name="text"/> ends with.</summary>
    private static int PartialMatch(string text, string stop)
    {
        for (var length = Math.Min(stop.Length - 1, text.Length); length > 0; length--)
            if (text.EndsWith(stop[..length], StringComparison.Ordinal))
                return length;
        return 0;
    }
}
