namespace LlamaVid.Engine;

/// <summary>What a request would need, without its being run.</summary>
/// <param name="Media">as far as they could be opened</param>
/// <param name="PromptPositions">text and visual tokens; null when that is not known, because the media could not be opened</param>
/// <param name="AnswerTokens">most tokens of one answer; null when prompt and answer do not fit</param>
/// <param name="KvBytes">keys and values of all answers; null when it would be refused before</param>
/// <param name="Waiting">requests that wait now</param>
/// <param name="Refusal">why it would be refused now; null when it would be taken</param>
public sealed record RequestEstimate(
    IReadOnlyList<MediaEstimate> Media, int? PromptPositions, int? AnswerTokens, long? KvBytes, int Waiting, Exception? Refusal);

/// <param name="Frames">that would be looked at, if every one decodes</param>
/// <param name="IsKnown">features of it are in memory</param>
public sealed record MediaEstimate(
    MediaKind Kind, long Frames, long Tokens, double? Duration, double? FramesPerSecond, int Width, int Height, bool IsKnown, SubtitleOrigin? Subtitles);
