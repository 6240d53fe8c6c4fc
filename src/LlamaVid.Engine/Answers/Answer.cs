namespace LlamaVid.Engine;

/// <summary>The text of one answer as it grows: token ids in, final pieces of text out. Knows when the answer is complete.</summary>
internal sealed class Answer(LlamaTokenizer tokenizer, IReadOnlyList<string> stops, int maxTokens, bool ignoresEos)
{
    private readonly IncrementalDetokenizer _detokenizer = new(tokenizer);
    private readonly StopTexts _stops = new(stops);
    private int _count;

    /// <summary>Why the answer is complete; null while it is not.</summary>
    public FinishReason? Finish { get; private set; }

    /// <returns>the text that became final with this token</returns>
    public string Add(int token)
    {
        _count++;
        if (token == tokenizer.EosId && !ignoresEos)
        {
            Finish = FinishReason.Stop;
            return "";
        }
        var text = _stops.Feed(_detokenizer.Push(token));
        if (_stops.IsMet) Finish = FinishReason.Stop;
        else if (_count == maxTokens) Finish = FinishReason.Length;
        return text;
    }

    /// <returns>the text that was still held back</returns>
    public string End()
    {
        if (_stops.IsMet) return "";
        var last = _stops.Feed(_detokenizer.Flush());
        return last + _stops.Flush();
    }
}
