using LlamaVid.Model.Text;
using LlamaVid.Model.Vision;
using LlamaVid.Server.Jobs;
using Microsoft.OpenApi;

namespace LlamaVid.Server.Requests;

/// <summary>The fields that every way of asking has: how to answer, how to look at the video, and what is refused.</summary>
internal static class SharedFields
{
    public static readonly IReadOnlyDictionary<string, ConversationKind> Conversations = new Dictionary<string, ConversationKind>
    {
        ["vicuna_v1"] = ConversationKind.VicunaV1, ["imgsp_v1"] = ConversationKind.ImgspV1, ["llava_v1"] = ConversationKind.LlavaV1,
        ["llava_v0"] = ConversationKind.LlavaV0, ["plain"] = ConversationKind.Plain,
    };

    public static readonly IReadOnlyDictionary<string, MediaPosition> MediaPositions = new Dictionary<string, MediaPosition>
    {
        ["as_given"] = MediaPosition.AsGiven, ["newest"] = MediaPosition.Newest, ["first"] = MediaPosition.First,
    };

    public static readonly IReadOnlyDictionary<string, PromptStyle> PromptStyles = new Dictionary<string, PromptStyle>
    {
        ["auto"] = PromptStyle.Auto, ["clip"] = PromptStyle.Clip, ["movie"] = PromptStyle.Movie,
    };

    public static readonly IReadOnlyDictionary<string, VideoCondition> NamedConditions = new Dictionary<string, VideoCondition>
    {
        ["latest"] = new VideoCondition.Latest(), ["first"] = new VideoCondition.First(),
    };

    private static readonly string[] Harmless =
    [
        "user", "store", "metadata", "service_tier", "parallel_tool_calls", "safety_identifier", "prompt_cache_key", "prompt_cache_retention",
        "cache_prompt", "request_id", "include_reasoning",
    ];

    private static readonly IReadOnlyDictionary<string, ImageFit> Fits = new Dictionary<string, ImageFit> { ["crop"] = ImageFit.Crop, ["pad"] = ImageFit.Pad };

    public static IEnumerable<Field<T>> Sampling<T>() where T : SampledDraft =>
    [
        Fps<T>((draft, fps) => draft.Sampling = draft.Sampling with { FramesPerSecond = fps }),
        Field.Integer<T>("max_frames", 1, 1_000_000, "At most this many frames, evenly spread when the rate would give more.",
            (draft, count) => draft.Sampling = draft.Sampling with { MaxFrames = (int)count }),
        Field.Number<T>("start", 0, 1e9, "Seconds; frames before are not looked at.",
            (draft, seconds) => draft.Sampling = draft.Sampling with { Start = seconds }),
        End<T>("end", "Seconds; frames at or after are not looked at."),
        Field.Flag<T>("keyframes", "Look at the key frames nearest to the frames that would be taken, each once: faster to decode, less even in time. `video.timestamps` has their own times.",
            (draft, on) => draft.Sampling = draft.Sampling with { KeyFrames = on }),
    ];

    public static IEnumerable<Field<ChatDraft>> Answer =>
    [
        Field.Text<ChatDraft>("model", "The id that GET /v1/models lists. Left out: the model that is served.", (draft, name) => draft.Model = name),
        Field.Flag<ChatDraft>("stream", "Answer as server-sent events, ending with `data: [DONE]`.", (draft, on) => draft.Stream = on),
        Field.Flag<ChatDraft>("background", "Answer 202 with a job at once, and let the work outlive the connection. See /v1/jobs.", (draft, on) => draft.Background = on),
        Field.Object("webhook", Webhook.Fields, "Who is told when the job has ended; only with `background`."),
        Field.Object("stream_options", StreamOptions, "Only read when `stream` is true, and for the events of a job."),
        Field.Integer<ChatDraft>("max_tokens", 1, 1_000_000, "Most tokens to generate. Left out: the server's default, within the context.",
            (draft, count) => draft.MaxTokens = (int)count),
        Field.Integer<ChatDraft>("max_completion_tokens", 1, 1_000_000, "OpenAI's newer name of `max_tokens`.",
            (draft, count) => draft.MaxCompletionTokens = (int)count),
        new("priority", "Requests with a lower number are taken first, as in vLLM.", () => new() { Type = JsonSchemaType.Integer, Minimum = "-1000", Maximum = "1000", Default = 0 },
            (draft, value) => draft.Priority = Priority(value, draft.Limits.BestPriority)),
        Field.Flag<ChatDraft>("return_token_ids", "Adds `prompt_token_ids` (one -200 per media item) and `token_ids`.",
            (draft, on) => draft.ReturnTokenIds = on),
    ];

    public static IEnumerable<Field<ChatDraft>> Video =>
    [
        .. Sampling<ChatDraft>(),
        Field.Object("media_io_kwargs", MediaIo, "vLLM's way to say how videos are sampled."),
        Field.Object("mm_processor_kwargs", Processor, "vLLM's way to say how pictures are prepared."),
        Field.Choice<ChatDraft, ConversationKind>("conversation", Conversations, "The template. The official evaluations use vicuna_v1, the command line llava_v1.",
            (draft, kind) => draft.Conversation = kind),
        new("video_condition", "The text that the context tokens are conditioned on: the newest question, the first one, or `{\"text\": …}`.",
            ConditionSchema, (draft, value) => draft.Condition = Condition(value), Form: FormValue.TextOrJson),
        Field.Choice<ChatDraft, MediaPosition>("media_position", MediaPositions, "The turn that carries the media.",
            (draft, position) => draft.MediaPosition = position),
        Field.Choice<ChatDraft, PromptStyle>("prompt_style", PromptStyles, "movie: the long-video layout. auto takes it for videos on a checkpoint with RoPE scaling.",
            (draft, style) => draft.Style = style),
        Field.Flag<ChatDraft>("use_subtitles", "Shows each video with the subtitle track of its file (SRT, mov_text, ASS or WebVTT), unless subtitles are sent for it. Only films show them (`prompt_style`).",
            (draft, on) => draft.UsesTracks = on),
    ];

    /// <summary>What other servers' clients send that is accepted only where it asks for nothing.</summary>
    public static IEnumerable<Field<ChatDraft>> Compatibility =>
    [
        .. Harmless.Select(Field.Harmless<ChatDraft>),
        Field.Only<ChatDraft>("best_of", "1"), Field.Only<ChatDraft>("use_beam_search", "false"), Field.Only<ChatDraft>("length_penalty", "1"),
        Field.Only<ChatDraft>("skip_special_tokens", "true"), Field.Only<ChatDraft>("echo", "false"), Field.Only<ChatDraft>("add_generation_prompt", "true"),
        Field.Only<ChatDraft>("continue_final_message", "false"),
        Field.Only<ChatDraft>("tools", "[]"), Field.Only<ChatDraft>("tool_choice", "\"none\"", "\"auto\""), Field.Only<ChatDraft>("functions", "[]"),
        Field.Only<ChatDraft>("function_call", "\"none\""), Field.Only<ChatDraft>("modalities", """["text"]"""), Field.Only<ChatDraft>("audio"),
        Field.Only<ChatDraft>("prediction"), Field.Only<ChatDraft>("web_search_options"), Field.Only<ChatDraft>("reasoning_effort", "\"none\""),
        Field.Only<ChatDraft>("verbosity", "\"medium\""), Field.Only<ChatDraft>("timings_per_token", "false"), Field.Only<ChatDraft>("chat_template"),
        Field.Only<ChatDraft>("chat_template_kwargs", "{}"), Field.Only<ChatDraft>("documents", "[]"), Field.Only<ChatDraft>("add_special_tokens", "false"),
        Field.Only<ChatDraft>("spaces_between_special_tokens", "true"), Field.Only<ChatDraft>("return_tokens_as_token_ids", "false"), Field.Only<ChatDraft>("prompt_logprobs"),
        Field.Only<ChatDraft>("truncate_prompt_tokens"), Field.Only<ChatDraft>("allowed_token_ids"), Field.Only<ChatDraft>("bad_words", "[]"),
        Field.Only<ChatDraft>("include_evidence", "false"),
    ];

    private static FieldTable<ChatDraft> StreamOptions => new(
        Field.Flag<ChatDraft>("include_usage", "One more chunk before the end, with `usage` and no choices.", (draft, on) => draft.IncludeUsage = on),
        Field.Flag<ChatDraft>("include_progress", "Chunks with `queue_position` and `progress` before the first token.",
            (draft, on) => draft.IncludeProgress = on),
        Field.Harmless<ChatDraft>("include_obfuscation"),
        Field.Only<ChatDraft>("continuous_usage_stats", "false"));

    private static FieldTable<ChatDraft> MediaIo => new(Field.Object("video", new FieldTable<ChatDraft>(
        Fps<ChatDraft>((draft, fps) => draft.MediaIoSampling = draft.MediaIoSampling with { FramesPerSecond = fps }),
        Field.Integer<ChatDraft>("num_frames", -1, 1_000_000, "The same as `max_frames`; -1 sets no bound.",
            (draft, count) => draft.MediaIoSampling = draft.MediaIoSampling with { MaxFrames = count > 0 ? (int)count : null })), "Sampling of every video of the request."));

    private static FieldTable<ChatDraft> Processor => new(
        Fps<ChatDraft>((draft, fps) => draft.ProcessorSampling = draft.ProcessorSampling with { FramesPerSecond = fps }),
        Field.Choice<ChatDraft, ImageFit>("image_aspect_ratio", Fits, "How pictures become square; videos are always cropped. Default: the checkpoint's own.",
            (draft, fit) => draft.Fit = fit));

    private static Field<T> Fps<T>(Action<T, double> read) =>
        Field.Number("fps", 0.000_001, 1000, "Frames looked at per second of video. Default 1.", read);

    public static Field<T> End<T>(string name, string description) where T : SampledDraft =>
        Field.Number<T>(name, 0, 1e9, description, (draft, seconds, path) => draft.SetEnd(seconds, path));

    private static int Priority(JsonCursor value, int best)
    {
        var priority = (int)value.Integer(-1000, 1000);
        return priority >= best ? priority : throw value.Wrong($"must be at least {best} (Server:BestPriority)");
    }

    private static OpenApiSchema ConditionSchema() => new()
    {
        OneOf =
        [
            new OpenApiSchema { Type = JsonSchemaType.String, Enum = [.. NamedConditions.Keys.Select(key => System.Text.Json.Nodes.JsonValue.Create(key))] },
            new FieldTable<ChatDraft>(Field.Text<ChatDraft>("text", "Used in place of the question.", (_, _) => { }, required: true)).Schema(),
        ],
    };

    private static VideoCondition Condition(JsonCursor value)
    {
        if (!value.IsObject)
            return value.Choice(NamedConditions);
        VideoCondition? condition = null;
        var fields = new FieldTable<object>(Field.Text<object>("text", "", (_, text) => condition = new VideoCondition.Text(text), required: true));
        fields.Read(value, value);
        return condition!;
    }
}
