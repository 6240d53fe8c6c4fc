using LlamaVid.Model;

namespace LlamaVid.Training.Evaluation;

internal enum AnnotationFormat { Questions, Msvd, Msrvtt, ActivityNet, VideoChatGpt }

/// <summary>What a fault of one sample does to the rest.</summary>
internal enum OnError { Stop, Skip }

/// <summary>What <c>evaluate</c> is asked for.</summary>
/// <param name="Data">the folder of the videos, and of questions.jsonl where no annotations are named</param>
/// <param name="Limit">only the first so many videos; null: all</param>
/// <param name="MaxTokens">longest answer</param>
internal sealed record EvaluateOrder(string Data, AnnotationFormat Format, IReadOnlyList<string> Annotations, int? Limit, int MaxTokens, OnError OnError)
{
    /// <summary>The checkpoint that answers; null when a server does.</summary>
    public ModelOptions? Model { get; init; }

    public Endpoint? Server { get; init; }
    public Endpoint? Judge { get; init; }
    public bool Ablation { get; init; }
    public long Seed { get; init; }
    public bool Json { get; init; }
    public string? Plot { get; init; }
    public string? Answers { get; init; }
}

/// <summary>A model behind OpenAI's API.</summary>
/// <param name="Model">null: the first that the endpoint lists</param>
internal sealed record Endpoint(Uri Url, string? Model, string? Key);
