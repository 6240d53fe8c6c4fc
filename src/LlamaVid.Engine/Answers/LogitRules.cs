namespace LlamaVid.Engine;

/// <summary>What is added to and taken from the logits of one answer before a token is drawn: bias, and penalties for what was said before. Draws nothing.</summary>
/// <param name="prompt">ids of the prompt's text, which the repetition penalty counts as said</param>
internal sealed class LogitRules(SamplingOptions options, IReadOnlyCollection<int> prompt)
{
    private readonly HashSet<int> _repeated = options.RepetitionPenalty == 1 ? [] : [.. prompt];
    private readonly Dictionary<int, int> _said = [];

    public bool ChangeNothing { get; } = options is { Bias: null, RepetitionPenalty: 1, PresencePenalty: 0, FrequencyPenalty: 0 };

    public void Apply(Span<float> logits)
    {
        foreach (var (id, bias) in options.Bias ?? new Dictionary<int, double>()) logits[id] += (float)bias;
        if (options.RepetitionPenalty != 1)
            foreach (var id in _repeated)
                if (id < logits.Length)
                    logits[id] = (float)(logits[id] > 0 ? logits[id] / options.RepetitionPenalty : logits[id] * options.RepetitionPenalty);
        if (options.PresencePenalty != 0 || options.FrequencyPenalty != 0)
            foreach (var (id, count) in _said)
                logits[id] -= (float)(options.PresencePenalty + count * options.FrequencyPenalty);
    }

    public void Say(int id)
    {
        if (ChangeNothing) return;
        _repeated.Add(id);
        _said[id] = _said.GetValueOrDefault(id) + 1;
    }
}
