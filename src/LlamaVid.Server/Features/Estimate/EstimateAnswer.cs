using System.ComponentModel;
using System.Text.Json.Serialization;
using LlamaVid.Server.Errors;
using LlamaVid.Server.OpenAi;

namespace LlamaVid.Server.Features.Estimate;

/// <summary>What a request would need.</summary>
internal sealed record EstimateAnswer
{
    public string Object { get; } = "estimate";
    public required string Model { get; init; }
    [Description("The request would be taken now.")]
    public required bool Fits { get; init; }
    [JsonIgnore(Condition = JsonIgnoreCondition.Never)]
    [Description("What the request would be answered; null when it fits.")]
    public required Refusal? Refusal { get; init; }
    [Description("Frames that would be looked at, if every one decodes.")]
    public required long Frames { get; init; }
    public required IReadOnlyList<EstimatedMedia> Media { get; init; }
    [JsonIgnore(Condition = JsonIgnoreCondition.Never)]
    [Description("Positions of the prompt: text and visual tokens. Null when the media could not be opened.")]
    public required int? PromptTokens { get; init; }
    [Description("Of them, visual tokens of all media.")]
    public required long VideoTokens { get; init; }
    [JsonIgnore(Condition = JsonIgnoreCondition.Never)]
    [Description("Most tokens of one answer: max_tokens, or what the server gives when it is left out. Null when it does not fit.")]
    public required int? MaxTokens { get; init; }
    [Description("Answers.")]
    public required int N { get; init; }
    [Description("Most positions of prompt and answer together.")]
    public required int MaxModelLen { get; init; }
    [JsonIgnore(Condition = JsonIgnoreCondition.Never)]
    [Description("Memory for the keys and values of all answers, held while the request runs.")]
    public required long? KvBytes { get; init; }
    [Description("Requests that wait now; this one would wait behind them.")]
    public required int QueuePosition { get; init; }
}

internal sealed record Refusal(int Status, Error Error);

internal sealed record EstimatedMedia(
    [property: Description("video or image.")] string Kind, long Frames, long Tokens,
    [property: Description("Seconds; null when the file does not tell."), JsonIgnore(Condition = JsonIgnoreCondition.Never)] double? Duration,
    [property: Description("Average frame rate of the source; null for pictures."), JsonIgnore(Condition = JsonIgnoreCondition.Never)] double? Fps,
    int Width, int Height, int TokensPerFrame,
    [property: Description("hit: the frames' features are in memory. miss: they would be computed, or read from disk.")] string FeatureCache,
    [property: Description("Where the subtitles come from, when there are some.")] SubtitleUse? Subtitles);
