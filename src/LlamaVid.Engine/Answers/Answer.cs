namespace LlamaVid.Engine;

/// <summary>The text of one answer as it grows: token ids in, final pieces of text out. Knows when the answer is complete.</summary>
/// <param name="templateStop">the text by which the template ends an answer; never part of it</param>
internal sealed class Answer(LlamaTokenizer tokenizer, GenerationRequest request, string templateStop, int maxTokens)
{
    private readonly IncrementalDetokenizer _detokenizer = new(tokenizer);
    private readonly StopTexts _stops = new(request.Stop, templateStop, request.KeepsStop);
    private int _count;

    /// <summary>Why the answer is complete; null while it is not.</summary>
    public FinishReason? Finish { get; private set; }

    /// <summary>The text or the token of the client's that ended it; null when something else did.</summary>
    public AnswerStop? StoppedBy { get; private set; }

    /// <summary>Whether tokens that end the answer are not drawn yet.</summary>
    public bool MustGoOn => _count < request.MinTokens;

    /// <param name="isOver">nothing can follow this token</param>
    /// <returns>the text that became final with this token</returns>
    public string Add(int token, bool isOver = false)
    {
        _count++;
        if (token == tokenizer.EosId && !request.IgnoreEos) return Stop("", null);
        if (request.StopTokens.Contains(token)) return Stop(request.KeepsStop ? _stops.Pass(_detokenizer.Push(token)) : "", new(null, token));

        var text = _detokenizer.Push(token);
        text = _count > request.MinTokens ? _stops.Feed(text) : _stops.Pass(text);
        if (_stops.IsMet) return Stop(text, _stops.Met is { } met ? new(met, null) : null);
        if (isOver) return Stop(text, null);
        if (_count == maxTokens) Finish = FinishReason.Length;
        return text;
    }

    /// <returns>the text that was still held back</returns>
    public string End()
    {
        if (_stops.IsMet) return "";
        var last = _stops.Feed(_detokenizer.Flush());
        return last + _stops.Flush();
    }

    private string Stop(string text, AnswerStop? by)
    {
        (Finish, StoppedBy) = (FinishReason.Stop, by);
        return text;
    }
}
