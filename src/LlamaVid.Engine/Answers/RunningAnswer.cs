using LlamaVid.Model.Decoder;

namespace LlamaVid.Engine;

/// <summary>One answer of a running sequence: keys and values, the tokens drawn so far, and their text. Engine thread only.</summary>
/// <param name="choice">its number among the answers of the request</param>
/// <param name="prompt">the prompt's text ids</param>
/// <param name="guide">keeps it within a format; null for none</param>
internal sealed class RunningAnswer(
    int choice, GenerationRequest request, LlamaTokenizer tokenizer, IReadOnlyCollection<int> prompt, string templateStop, int maxTokens, FormatGuide? guide) : IDisposable
{
    private readonly Answer _answer = new(tokenizer, request, guide is null ? templateStop : "", maxTokens);
    private readonly Sampler _sampler = new(request.Sampling, choice);
    private readonly LogitRules _rules = new(request.Sampling, prompt);
    private readonly int[] _endings = request.MinTokens > 0 ? [tokenizer.EosId, .. request.StopTokens] : [];
    private readonly List<int> _inCache = [];                               // generated tokens whose keys and values are in the cache

    public int Choice => choice;

    /// <summary>Null before the prompt is computed, and when it has been handed over.</summary>
    public KvCache? Cache { get; set; }

    /// <summary>The token whose embedding is the next position.</summary>
    public int LastToken { get; private set; }

    public IReadOnlyList<int> InCache => _inCache;

    public bool IsComplete => _answer.Finish is not null;

    /// <summary>The last token's keys and values are in the cache.</summary>
    public void Decoded() => _inCache.Add(LastToken);

    /// <param name="logits">[V] of the next token</param>
    public GenerationEvent.Token Draw(ReadOnlySpan<float> logits)
    {
        LastToken = Next(logits);
        _rules.Say(LastToken);
        guide?.Say(LastToken);
        var token = new GenerationEvent.Token(LastToken, _answer.Add(LastToken, isOver: guide?.IsOver ?? false)) { Choice = choice };
        if (request.Sampling.Likeliest is not { } count) return token;
        var (drawn, likeliest) = Likelihoods.Of(logits, LastToken, count, tokenizer);
        return token with { Likelihood = drawn, Likeliest = likeliest };
    }

    /// <summary>The end of an answer that is complete.</summary>
    public ChoiceEnd End() => new(choice, _answer.Finish!.Value, _answer.End(), _answer.StoppedBy);

    public void Dispose()
    {
        Cache?.Dispose();
        Cache = null;
    }

    private int Next(ReadOnlySpan<float> logits)
    {
        if (_rules.ChangeNothing && !_answer.MustGoOn && guide is null) return _sampler.Next(logits);
        var changed = logits.ToArray();
        if (_answer.MustGoOn)
            foreach (var id in _endings) changed[id] = float.NegativeInfinity;
        _rules.Apply(changed);
        guide?.Keep(changed);
        return _sampler.Next(changed);
    }
}
