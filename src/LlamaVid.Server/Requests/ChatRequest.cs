using LlamaVid.Engine;
using LlamaVid.Media;
using LlamaVid.Model.Text;
using LlamaVid.Server.Files;
using LlamaVid.Server.Jobs;

namespace LlamaVid.Server.Requests;

/// <summary>How the answer is to be written.</summary>
/// <param name="MediaPath">The path of the request's only media item, or of the field that holds them all; faults of media name it.</param>
internal sealed record AnswerOptions(bool Stream, bool IncludeUsage, bool IncludeProgress, bool ReturnTokenIds, string? MediaPath, bool Logprobs = false);

/// <summary>What a job of this request is run from later.</summary>
/// <param name="Files">The uploaded files that it names, held while it is taken.</param>
internal sealed record BackgroundOrder(ReadOnlyMemory<byte> Body, JobUpload? Upload, IReadOnlyList<HeldFile> Files, Webhook? Webhook);

/// <summary>A request whose fields agree with each other: what the engine is to do, and how to answer.</summary>
internal sealed record ChatRequest(string? Model, GenerationRequest Generation, AnswerOptions Answer, BackgroundOrder? Background)
{
    public static ChatRequest From(ChatDraft draft, RequestDefaults defaults, string id)
    {
        var (system, turns, media) = draft.Question is null ? Conversation(draft) : Question(draft);
        if (media.Count > draft.Limits.Media)
            throw new InvalidRequestException(
                "messages", $"The request holds {media.Count} videos and pictures; the limit is {draft.Limits.Media} (Server:MaxMediaItems). Send fewer.");

        if (draft is { Background: true, Stream: true })
            throw new InvalidRequestException("stream", "'stream' and 'background' exclude each other. Leave 'stream' out and read the job's events.");

        if (draft is { Background: false, Webhook: not null })
            throw new InvalidRequestException("webhook", "'webhook' tells the end of a job, and this request is none. Add \"background\": true, or leave it out.");

        if (draft.UsesTracks && media.TrueForAll(item => item.Media.Kind != MediaKind.Video))
            throw new InvalidRequestException("use_subtitles", "'use_subtitles' is true and the request holds no video. Send one, or leave it out.");

        var generation = new GenerationRequest
        {
            Id = id,
            Turns = turns,
            Media = [.. media.Select(item => Input(draft, item.Media, item.Choice))],
            Prompt = new()
            {
                Conversation = draft.Conversation ?? defaults.Conversation,
                System = system,
                Condition = draft.Condition ?? defaults.Condition,
                MediaPosition = draft.MediaPosition ?? defaults.MediaPosition,
                Style = draft.Style ?? defaults.Style,
            },
            Sampling = draft.Choosing with { Likeliest = Likeliest(draft) },
            MaxTokens = MaxTokens(draft),
            MinTokens = MinTokens(draft),
            Stop = draft.Stop,
            StopTokens = draft.StopTokens,
            KeepsStop = draft.KeepsStop,
            IgnoreEos = draft.IgnoreEos,
            Format = draft.Format,
            Choices = draft.Choices,
            Priority = -draft.Priority,
        };
        var mediaPath = media.Count switch { 0 => null, 1 => media[0].Media.Path, _ => "messages" };
        return new(draft.Model, generation, new(draft.Stream, draft.IncludeUsage, draft.IncludeProgress, draft.ReturnTokenIds, mediaPath, draft.Logprobs),
            draft.Background ? new(draft.Body, draft.Upload, draft.Files.Held, draft.Webhook) : null);
    }

    private static (string? System, List<ChatTurn> Turns, List<(MediaDraft Media, SampledDraft Choice)> Media) Question(ChatDraft draft)
    {
        if (string.IsNullOrWhiteSpace(draft.Question))
            throw new InvalidRequestException("question", "'question' is empty. Ask something about the video.");
        if (draft.QuestionPart.Media is not { } media)
            throw new InvalidRequestException(
                "video", "The request has no video: send one of video, image, video_url, image_url, file_id. Questions without one go to /v1/chat/completions.",
                InvalidRequestException.MissingField);
        return (null, [new(ChatRole.User, draft.Question, [0])], [(media, draft.QuestionPart)]);
    }

    /// <summary>System messages first; then turns that alternate, beginning and ending with the user. Neighbours of one role are one turn.</summary>
    private static (string? System, List<ChatTurn> Turns, List<(MediaDraft Media, SampledDraft Choice)> Media) Conversation(ChatDraft draft)
    {
        if (draft.Messages.Count == 0)
            throw new InvalidRequestException("messages", "'messages' is empty. Send at least one user message.");

        var system = new List<string>();
        var turns = new List<(ChatRole Role, List<string> Texts, List<int> Media)>();
        var media = new List<(MediaDraft Media, SampledDraft Choice)>();
        foreach (var message in draft.Messages)
        {
            if (message.Role != MessageRole.User && message.Media.Count > 0)
                throw new InvalidRequestException(message.Media[0].Media.Path, $"'{message.Path}' holds a video or picture; only user messages may.");
            if (message.Role == MessageRole.System)
            {
                if (turns.Count > 0)
                    throw new InvalidRequestException(
                        $"{message.Path}.role", $"'{message.Path}' is a system message after the conversation has begun; the model has one system sentence. Put it first.");
                system.Add(message.Text ?? "");
                continue;
            }

            var role = message.Role == MessageRole.User ? ChatRole.User : ChatRole.Assistant;
            if (turns.Count == 0 && role == ChatRole.Assistant)
                throw new InvalidRequestException($"{message.Path}.role", $"'{message.Path}' is the assistant's; a conversation begins with a user message.");
            if (turns.Count == 0 || turns[^1].Role != role) turns.Add((role, [], []));
            if (!string.IsNullOrEmpty(message.Text)) turns[^1].Texts.Add(message.Text);
            turns[^1].Media.AddRange(Enumerable.Range(media.Count, message.Media.Count));
            media.AddRange(message.Media);
        }

        var newest = draft.Messages[^1];
        if (newest.Role != MessageRole.User)
            throw new InvalidRequestException($"{newest.Path}.role", $"'{newest.Path}' is not the user's; the last message must be the question to answer.");
        if (turns[^1].Texts.All(string.IsNullOrWhiteSpace))
            throw new InvalidRequestException($"{newest.Path}.content", $"'{newest.Path}.content' holds no question. Add a text to it.");
        return (system.Count == 0 ? null : string.Join('\n', system), [.. turns.Select(turn => new ChatTurn(turn.Role, string.Join('\n', turn.Texts), [.. turn.Media]))], media);
    }

    /// <summary>What a part says wins over what the request says; its own fields win over vLLM's names of them.</summary>
    private static FrameSampling Sampling(ChatDraft draft, SampledDraft part)
    {
        FrameSampling[] order = [part.Sampling, draft.Sampling, draft.MediaIoSampling, draft.ProcessorSampling];
        var merged = new FrameSampling
        {
            FramesPerSecond = First(sampling => sampling.FramesPerSecond),
            MaxFrames = First(sampling => sampling.MaxFrames),
            Start = First(sampling => sampling.Start),
            End = First(sampling => sampling.End),
            KeyFrames = First(sampling => sampling.KeyFrames),
        };
        var path = part.EndPath ?? draft.EndPath;
        return merged.End <= merged.Start
            ? throw new InvalidRequestException(path, $"'{path}' is {merged.End} s; it must be later than the start, {merged.Start} s.")
            : merged;

        T? First<T>(Func<FrameSampling, T?> field) where T : struct => order.Select(field).FirstOrDefault(value => value is not null);
    }

    private static int? MaxTokens(ChatDraft draft) => draft is { MaxTokens: { } old, MaxCompletionTokens: { } @new } && old != @new
        ? throw new InvalidRequestException("max_tokens", $"'max_tokens' is {old} and 'max_completion_tokens' is {@new}; they mean the same. Send one of them.")
        : draft.MaxTokens ?? draft.MaxCompletionTokens;

    private static MediaInput Input(ChatDraft draft, MediaDraft media, SampledDraft choice)
    {
        var (isVideo, subtitles) = (media.Kind == MediaKind.Video, Subtitles(media, choice));
        return new(media.Source, media.Kind, Sampling(draft, choice), isVideo ? null : draft.Fit, subtitles, isVideo && draft.UsesTracks && subtitles is null);
    }

    private static IReadOnlyList<SubtitleLine>? Subtitles(MediaDraft media, SampledDraft choice) => choice is not PartDraft { Subtitles: { } subtitles } ? null
        : media.Kind == MediaKind.Video ? subtitles.Lines
        : throw new InvalidRequestException(subtitles.Path, $"'{subtitles.Path}' belongs to '{media.Path}', which is a picture; only videos have subtitles.");

    private static int MinTokens(ChatDraft draft) => MaxTokens(draft) is { } most && draft.MinTokens > most
        ? throw new InvalidRequestException("min_tokens", $"'min_tokens' is {draft.MinTokens}, more than 'max_tokens', {most}. Lower it.")
        : draft.MinTokens;

    private static int? Likeliest(ChatDraft draft) => draft is { Logprobs: false, TopLogprobs: > 0 }
        ? throw new InvalidRequestException("top_logprobs", "'top_logprobs' needs 'logprobs' to be true.")
        : draft.Logprobs ? draft.TopLogprobs : null;
}
