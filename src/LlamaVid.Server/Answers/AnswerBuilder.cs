using System.Text.Json.Nodes;
using LlamaVid.Engine;
using LlamaVid.Server.OpenAi;

namespace LlamaVid.Server.Answers;

/// <summary>What an answer says besides its text, in OpenAI's terms. Collects tokens; knows no transport.</summary>
internal sealed class AnswerBuilder(string id, string model, string fingerprint, long created)
{
    public string Id { get; } = id;
    public string Model { get; } = model;
    public string Fingerprint { get; } = fingerprint;
    public long Created { get; } = created;
    public int TokenCount { get; set; }
    public PromptReport? Prompt { get; set; }
    public GenerationTimings? Timings { get; set; }

    public Usage Usage => new(
        Prompt?.Positions ?? 0, TokenCount, (Prompt?.Positions ?? 0) + TokenCount, new(Prompt?.VideoTokens ?? 0, Prompt?.ImageTokens ?? 0, Prompt?.CachedPositions ?? 0));

    public MediaUse? Video => Prompt is { Media: [var first, ..] } ? Use(first) : null;

    public IReadOnlyList<MediaUse>? Media => Prompt is { Media.Count: > 1 } ? [.. Prompt.Media.Select(Use)] : null;

    public Timings? WireTimings => Timings is null ? null : new(
        Round(Timings.Queue), Round(Timings.Fetch), Round(Timings.DecodeVideo), Round(Timings.Vision), Round(Timings.Prefill), Round(Timings.Decode),
        Round(Timings.TimeToFirstToken));

    public ChatCompletionChunk Chunk(params IReadOnlyList<ChunkChoice> choices) => new() { Id = Id, Created = Created, Model = Model, SystemFingerprint = Fingerprint, Choices = choices };

    public static StageProgress Wire(GenerationEvent.Progress progress) => new(
        progress.Stage switch { WorkStage.Fetch => "fetch", WorkStage.Decode => "decode", WorkStage.Vision => "vision", _ => "prefill" }, progress.Done, progress.Total);

    public static string Wire(FinishReason reason) => reason == FinishReason.Stop ? "stop" : "length";

    public static JsonNode? Wire(AnswerStop? stop) => stop is null ? null : stop.Token is { } token ? JsonValue.Create(token) : JsonValue.Create(stop.Text);

    public static TokenLogprob? Wire(GenerationEvent.Token token) => token.Likelihood is not { } drawn ? null : new(
        drawn.Text, Finite(drawn.LogProbability), Bytes(drawn),
        [.. token.Likeliest.Select(each => new TopLogprob(each.Text, Finite(each.LogProbability), Bytes(each)))]);

    private static int[] Bytes(TokenLikelihood token) => [.. token.Bytes.Select(value => (int)value)];

    private static double Finite(double logarithm) => Math.Max(logarithm, -9999);

    private static MediaUse Use(MediaReport media) => new(
        media.Kind == MediaKind.Video ? "video" : "image", media.Frames, media.Timestamps, media.Duration, media.FramesPerSecond,
        media.Width, media.Height, media.TokensPerFrame, media.WasKnown ? "hit" : "miss") { Subtitles = SubtitleUse.Of(media.Subtitles), CaptionedFrames = media.CaptionedFrames };

    private static double Round(double milliseconds) => Math.Round(milliseconds, 3);
}
