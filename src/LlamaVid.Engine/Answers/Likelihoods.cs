namespace LlamaVid.Engine;

/// <summary>How likely the model itself held tokens, before temperature, bias and penalties.</summary>
internal static class Likelihoods
{
    /// <param name="count">how many of the likeliest to name</param>
    public static (TokenLikelihood Drawn, IReadOnlyList<TokenLikelihood> Likeliest) Of(ReadOnlySpan<float> logits, int drawn, int count, LlamaTokenizer tokenizer)
    {
        var most = float.NegativeInfinity;
        foreach (var logit in logits) most = Math.Max(most, logit);
        var sum = 0.0;
        foreach (var logit in logits) sum += Math.Exp(logit - most);
        var norm = most + Math.Log(sum);

        var top = new PriorityQueue<int, (float, int)>();                   // least likely first
        for (var i = 0; i < logits.Length; i++)
        {
            if (top.Count < count) top.Enqueue(i, (logits[i], -i));
            else if (count > 0) top.EnqueueDequeue(i, (logits[i], -i));
        }
        var likeliest = new TokenLikelihood[top.Count];
        for (var i = likeliest.Length - 1; i >= 0; i--) likeliest[i] = Describe(top.Dequeue(), logits, norm, tokenizer);
        return (Describe(drawn, logits, norm, tokenizer), likeliest);
    }

    private static TokenLikelihood Describe(int id, ReadOnlySpan<float> logits, double norm, LlamaTokenizer tokenizer) =>
        new(id, tokenizer.TextOf(id), tokenizer.BytesOf(id), logits[id] - norm);
}
