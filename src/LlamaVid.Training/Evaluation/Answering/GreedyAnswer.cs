using System.Text;
using LlamaVid.Model.Text;

namespace LlamaVid.Training.Evaluation.Answering;

/// <summary>One answer as it grows, and when it is complete: at the end-of-sequence token, at the stop text, or at its longest.</summary>
internal sealed class GreedyAnswer(LlamaTokenizer tokenizer, string stop, int maxTokens)
{
    private readonly IncrementalDetokenizer _detokenizer = new(tokenizer);
    private readonly StringBuilder _text = new();
    private int _count;

    public bool IsComplete { get; private set; }

    /// <summary>Without space around it, as the server sends it.</summary>
    public string Text => _text.ToString().Trim();

    public void Add(int token)
    {
        _count++;
        var isEnd = token == tokenizer.EosId;
        if (!isEnd) _text.Append(_detokenizer.Push(token));
        IsComplete = Cut() || isEnd || _count == maxTokens;
        if (!IsComplete || (!isEnd && _count < maxTokens)) return;
        _text.Append(_detokenizer.Flush());
        Cut();
    }

    private bool Cut()
    {
        if (_text.ToString().IndexOf(stop, StringComparison.Ordinal) is not (>= 0 and var at)) return false;
        _text.Length = at;
        return true;
    }
}
