namespace LlamaVid.Engine;

/// <summary>How a token is drawn from the logits: bias, penalties, temperature, then what is kept. The numbers mean what they mean in vLLM.</summary>
public sealed record SamplingOptions
{
    /// <summary>0 is greedy.</summary>
    public double Temperature { get; init; } = 0.2;

    /// <summary>Keep the k likeliest tokens; 0 keeps all.</summary>
    public int TopK { get; init; } = 50;

    /// <summary>Keep the smallest set of likeliest tokens whose probabilities sum to at least this.</summary>
    public double TopP { get; init; } = 1;

    /// <summary>Keep tokens that are at least this fraction as likely as the likeliest; 0 keeps all.</summary>
    public double MinP { get; init; }

    /// <summary>Above 1, tokens of the prompt's text and of the answer become less likely; 1 changes nothing.</summary>
    public double RepetitionPenalty { get; init; } = 1;

    /// <summary>Taken from the logit of every token that is in the answer.</summary>
    public double PresencePenalty { get; init; }

    /// <summary>Taken from the logit of a token for each time it is in the answer.</summary>
    public double FrequencyPenalty { get; init; }

    /// <summary>Added to the logits of these tokens; null for none.</summary>
    public IReadOnlyDictionary<int, double>? Bias { get; init; }

    /// <summary>Tell how likely each token was, and so many of the likeliest in its place; null tells nothing.</summary>
    public int? Likeliest { get; init; }

    /// <summary>The same seed gives the same answer to the same request. Null: drawn at submission.</summary>
    public long? Seed { get; init; }
}
