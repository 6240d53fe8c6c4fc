namespace LlamaVid.Engine;

public enum MediaKind { Video, Image }

/// <summary>One video or picture of a request and how its frames are chosen.</summary>
/// <param name="Fit">Null: the checkpoint's <c>image_aspect_ratio</c> for pictures; videos are always cropped, as in the official code.</param>
/// <param name="Subtitles">What is said in a video, in order; null for none. Only films show it.</param>
/// <param name="UsesTrack">What is said in a video is to be read from its file.</param>
public sealed record MediaInput(
    MediaSource Source, MediaKind Kind, FrameSampling Sampling, ImageFit? Fit = null, IReadOnlyList<SubtitleLine>? Subtitles = null, bool UsesTrack = false)
{
    /// <summary>Words stand between the frames, or may.</summary>
    public bool IsSubtitled => UsesTrack || Subtitles is not null;
}

/// <summary>One conversation to be continued. Data only: it could have come over a wire.</summary>
public sealed record GenerationRequest
{
    public required string Id { get; init; }

    /// <summary>Whose share of the line it counts for; null for nobody's.</summary>
    public string? Client { get; init; }

    /// <summary>Requests with a higher number are taken first.</summary>
    public int Priority { get; init; }

    public required IReadOnlyList<ChatTurn> Turns { get; init; }
    public IReadOnlyList<MediaInput> Media { get; init; } = [];
    public PromptOptions Prompt { get; init; } = new();
    public SamplingOptions Sampling { get; init; } = new();

    /// <summary>Most tokens to generate; null: what the context leaves, at most <see cref="EngineOptions.DefaultMaxTokens"/>.</summary>
    public int? MaxTokens { get; init; }

    /// <summary>Goes on after the end-of-sequence token, up to <see cref="MaxTokens"/>: for measurements.</summary>
    public bool IgnoreEos { get; init; }

    /// <summary>Texts that end the answer.</summary>
    public IReadOnlyList<string> Stop { get; init; } = [];

    /// <summary>Tokens that end the answer.</summary>
    public IReadOnlyList<int> StopTokens { get; init; } = [];

    /// <summary>The text or token that ended the answer is part of it.</summary>
    public bool KeepsStop { get; init; }

    /// <summary>Before so many tokens nothing ends the answer: tokens that would are not drawn, and texts do not count.</summary>
    public int MinTokens { get; init; }

    /// <summary>The form that the answer has to have; null for any.</summary>
    public AnswerFormat? Format { get; init; }

    /// <summary>Answers to write. They share the prompt's work and its positions are held once for each.</summary>
    public int Choices { get; init; } = 1;
}

/// <summary>What of <see cref="GenerationRequest.Stop"/> and <see cref="GenerationRequest.StopTokens"/> ended an answer.</summary>
public sealed record AnswerStop(string? Text, int? Token);
