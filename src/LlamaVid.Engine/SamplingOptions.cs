namespace LlamaVid.Engine;

/// <summary>How a token is drawn from the logits. Order as in the official code: temperature, top-k, top-p.</summary>
public sealed record SamplingOptions
{
    /// <summary>0 is greedy.</summary>
    public double Temperature { get; init; } = 0.2;

    /// <summary>Keep the k likeliest tokens; 0 keeps all.</summary>
    public int TopK { get; init; } = 50;

    /// <summary>Keep the smallest set of likeliest tokens whose probabilities sum to at least this.</summary>
    public double TopP { get; init; } = 1;

    /// <summary>The same seed gives the same answer to the same request. Null: drawn at submission.</summary>
    public long? Seed { get; init; }
}
