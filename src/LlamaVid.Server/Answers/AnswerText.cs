using System.Text;

namespace LlamaVid.Server.Answers;

/// <summary>The answer without white space around it, as the official programs print it: what may still turn out to be trailing is held back.</summary>
internal sealed class AnswerText
{
    private readonly StringBuilder _held = new();
    private bool _begun;

    /// <summary>The part of everything pushed so far that is certain and was not returned before.</summary>
    public string Push(string text)
    {
        if (!_begun)
        {
            text = text.TrimStart();
            if (text.Length == 0)
                return "";
            _begun = true;
        }
        var end = text.AsSpan().TrimEnd().Length;
        if (end == 0)
        {
            _held.Append(text);
            return "";
        }
        var certain = _held.Length == 0 ? text[..end] : _held.Append(text, 0, end).ToString();
        _held.Clear().Append(text, end, text.Length - end);
        return certain;
    }
}
