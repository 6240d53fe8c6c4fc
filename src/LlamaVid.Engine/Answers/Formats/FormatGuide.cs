namespace LlamaVid.Engine;

/// <summary>Keeps one answer within its format: says which tokens may come next and whether it may end. Answers of one request share the automaton.</summary>
internal sealed class FormatGuide(Acceptor acceptor, TokenTree tokens, LlamaTokenizer tokenizer)
{
    private AcceptorState _state = acceptor.Start;

    /// <summary>Nothing can follow: the answer is complete.</summary>
    public bool IsOver => _state.IsOver;

    /// <summary>Makes impossible what may not come; the end-of-sequence token may come where the answer may end.</summary>
    public void Keep(Span<float> logits)
    {
        var end = _state.MayEnd && tokenizer.EosId < logits.Length ? logits[tokenizer.EosId] : float.NegativeInfinity;
        acceptor.Rest();
        (_state.Tokens ??= tokens.Allowed(acceptor, _state)).Keep(logits);
        if (tokenizer.EosId < logits.Length) logits[tokenizer.EosId] = end;
    }

    public void Say(int token)
    {
        foreach (var value in tokenizer.AnswerBytes(token)) _state = acceptor.Next(_state, value) ?? throw new InvalidOperationException($"Token {token} does not fit the format.");
    }
}
