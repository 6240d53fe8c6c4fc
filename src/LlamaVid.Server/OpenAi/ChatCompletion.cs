using System.ComponentModel;
using System.Text.Json.Nodes;
using System.Text.Json.Serialization;
using LlamaVid.Engine;

namespace LlamaVid.Server.OpenAi;

/// <summary>A whole answer, in OpenAI's shape with this server's extensions.</summary>
internal sealed record ChatCompletion
{
    [Description("Names this answer in the log.")]
    public required string Id { get; init; }
    public string Object { get; } = "chat.completion";
    [Description("Unix time in seconds.")]
    public required long Created { get; init; }
    public required string Model { get; init; }
    [Description("What computed it: the server's version and the dtype. Another one may answer the same seed otherwise.")]
    public required string SystemFingerprint { get; init; }
    public required IReadOnlyList<Choice> Choices { get; init; }
    public required Usage Usage { get; init; }
    [Description("/v1/ask only: the answer's text, the same as choices[0].message.content.")]
    public string? Answer { get; init; }
    [Description("What was seen of the first video or picture.")]
    public MediaUse? Video { get; init; }
    [Description("What was seen of each video and picture, when there were several.")]
    public IReadOnlyList<MediaUse>? Media { get; init; }
    public required Timings Timings { get; init; }
    [Description("With return_token_ids: what the model read; each media item is one -200.")]
    public IReadOnlyList<int>? PromptTokenIds { get; init; }
}

internal sealed record Choice
{
    [Description("From 0; with `n`, one choice for each answer.")]
    public int Index { get; init; }
    public required Message Message { get; init; }
    [JsonIgnore(Condition = JsonIgnoreCondition.Never)]
    [Description("With logprobs: how likely each token was.")]
    public ChoiceLogprobs? Logprobs { get; init; }
    [Description("stop: the model ended its answer, or a stop text or token came. length: max_tokens or the context ended it.")]
    public required string FinishReason { get; init; }
    [Description("The stop text or the stop token that ended the answer, when one of the request's did.")]
    public JsonNode? StopReason { get; init; }
    [Description("With return_token_ids: the tokens generated.")]
    public IReadOnlyList<int>? TokenIds { get; init; }
}

/// <summary>How likely the tokens of an answer, or of a piece of it, were to the model itself: before temperature, bias and penalties.</summary>
internal sealed record ChoiceLogprobs(IReadOnlyList<TokenLogprob> Content)
{
    [JsonIgnore(Condition = JsonIgnoreCondition.Never)]
    [Description("Always null; this model does not refuse.")]
    public object? Refusal { get; }
}

internal sealed record TokenLogprob(
    string Token,
    [property: Description("Natural logarithm of its probability; -9999 for what was impossible.")] double Logprob,
    [property: Description("The bytes that the token stands for; characters without a token of their own take several tokens.")] IReadOnlyList<int> Bytes,
    [property: Description("With top_logprobs: the likeliest tokens in this place.")] IReadOnlyList<TopLogprob> TopLogprobs);

internal sealed record TopLogprob(string Token, double Logprob, IReadOnlyList<int> Bytes);

internal sealed record Message(string Role, string Content)
{
    [JsonIgnore(Condition = JsonIgnoreCondition.Never)]
    [Description("Always null; this model does not refuse.")]
    public object? Refusal { get; }
}

/// <summary>One event of a streamed answer.</summary>
internal sealed record ChatCompletionChunk
{
    public required string Id { get; init; }
    public string Object { get; } = "chat.completion.chunk";
    public required long Created { get; init; }
    public required string Model { get; init; }
    public required string SystemFingerprint { get; init; }
    public required IReadOnlyList<ChunkChoice> Choices { get; init; }
    public Usage? Usage { get; init; }
    public MediaUse? Video { get; init; }
    public IReadOnlyList<MediaUse>? Media { get; init; }
    public Timings? Timings { get; init; }
    public IReadOnlyList<int>? PromptTokenIds { get; init; }
    [Description("With include_progress: requests that run before this one.")]
    public int? QueuePosition { get; init; }
    [Description("With include_progress: requests that wait.")]
    public int? QueuePending { get; init; }
    [Description("With include_progress: how long it may take until this request runs, by the pace of the line so far.")]
    public double? QueueWaitMs { get; init; }
    [Description("With include_progress: what is being done before the first token.")]
    public StageProgress? Progress { get; init; }
}

internal sealed record ChunkChoice
{
    public int Index { get; init; }
    public required Delta Delta { get; init; }
    [JsonIgnore(Condition = JsonIgnoreCondition.Never)]
    [Description("With logprobs: of the tokens that no chunk before has told of.")]
    public ChoiceLogprobs? Logprobs { get; init; }
    [JsonIgnore(Condition = JsonIgnoreCondition.Never)]
    public string? FinishReason { get; init; }
    public JsonNode? StopReason { get; init; }
    public IReadOnlyList<int>? TokenIds { get; init; }
}

internal sealed record Delta
{
    public static readonly Delta Empty = new();

    public string? Role { get; init; }
    public string? Content { get; init; }
}

internal sealed record StageProgress(
    [property: Description("fetch, decode, vision or prefill.")] string Stage, long Done,
    [property: Description("Null while it cannot be known."), JsonIgnore(Condition = JsonIgnoreCondition.Never)] long? Total);

internal sealed record Usage(
    [property: Description("Positions the model read: text, and every token of every frame.")] int PromptTokens,
    int CompletionTokens, int TotalTokens, PromptTokensDetails PromptTokensDetails);

internal sealed record PromptTokensDetails(int VideoTokens, int ImageTokens, int CachedTokens);

/// <summary>Which frames the answer rests on.</summary>
internal sealed record MediaUse(
    [property: Description("video or image.")] string Kind,
    int Frames,
    [property: Description("Seconds, one per frame.")] IReadOnlyList<double> Timestamps,
    [property: Description("Seconds; null when the file does not tell."), JsonIgnore(Condition = JsonIgnoreCondition.Never)] double? Duration,
    [property: Description("Average frame rate of the source; null for pictures."), JsonIgnore(Condition = JsonIgnoreCondition.Never)] double? Fps,
    int Width, int Height, int TokensPerFrame,
    [property: Description("hit: the frames' features were kept from an earlier request. miss: they were computed.")] string FeatureCache)
{
    [Description("Where the subtitles come from, when there are some.")]
    public SubtitleUse? Subtitles { get; init; }
    [Description("Frames behind which subtitles stand in the prompt, when there are some.")]
    public int? CaptionedFrames { get; init; }
}

/// <summary>Where the subtitles of a video come from.</summary>
internal sealed record SubtitleUse([property: Description("given: the request itself. track: the video's own file.")] string Source)
{
    [Description("The track among all streams of the file, from 0.")]
    public int? Index { get; init; }
    [Description("What kind of track it is, by ffmpeg's name: subrip, mov_text, ass, webvtt.")]
    public string? Codec { get; init; }
    [Description("The track's language, when the file says it.")]
    public string? Language { get; init; }

    public static SubtitleUse? Of(SubtitleOrigin? origin) => origin is null ? null : origin.Track is not { } track
        ? new("given")
        : new("track") { Index = track.Index, Codec = track.Codec, Language = track.Language };
}

/// <summary>Milliseconds spent in each stage.</summary>
internal sealed record Timings(
    double QueueMs, double FetchMs, double DecodeVideoMs, double VisionMs, double PrefillMs, double DecodeMs,
    [property: Description("From submission.")] double TimeToFirstTokenMs);
