using LlamaVid.Engine;
using LlamaVid.Media;
using LlamaVid.Model.Text;
using LlamaVid.Model.Vision;
using LlamaVid.Server.Jobs;

namespace LlamaVid.Server.Requests;

internal enum MessageRole { System, User, Assistant }

/// <summary>Something whose frames can be chosen: one part of a message, or the whole request.</summary>
internal abstract class SampledDraft
{
    public FrameSampling Sampling { get; set; } = new();

    /// <summary>Where the client named <see cref="FrameSampling.End"/>, for errors.</summary>
    public string? EndPath { get; private set; }

    public void SetEnd(double seconds, string path) => (Sampling, EndPath) = (Sampling with { End = seconds }, path);
}

/// <summary>One content part as it was sent: text, or one media item.</summary>
/// <param name="limits">Of the whole request.</param>
/// <param name="files">Where its file ids are looked up.</param>
internal sealed class PartDraft(RequestLimits limits, RequestFiles files) : SampledDraft
{
    private MediaDraft? _media;

    public RequestLimits Limits { get; } = limits;
    public RequestFiles Files { get; } = files;

    public string? Text { get; set; }

    /// <summary>What is said in its video; in a part of its own, what is said in the video beside it.</summary>
    public SubtitleDraft? Subtitles { get; set; }

    public MediaDraft? Media
    {
        get => _media;
        set => _media = _media is null ? value
            : throw new InvalidRequestException(value!.Path, $"'{value.Path}' names a second video or picture, after '{_media.Path}'. Send one of them.");
    }
}

/// <param name="Path">Where the client named it, for errors.</param>
internal sealed record MediaDraft(MediaSource Source, MediaKind Kind, string Path);

/// <param name="Path">Where the client named it, for errors.</param>
internal sealed record SubtitleDraft(IReadOnlyList<SubtitleLine> Lines, string Path);

internal sealed class MessageDraft(string path, RequestLimits limits, RequestFiles files)
{
    public string Path { get; } = path;
    public RequestLimits Limits { get; } = limits;
    public RequestFiles Files { get; } = files;
    public MessageRole Role { get; set; }
    public string? Text { get; set; }
    public List<(MediaDraft Media, SampledDraft Choice)> Media { get; } = [];
}

/// <summary>A request as its client wrote it: every field checked by itself, nothing checked together yet.</summary>
internal sealed class ChatDraft(RequestLimits limits, RequestFiles files) : SampledDraft
{
    public RequestLimits Limits { get; } = limits;
    public RequestFiles Files { get; } = files;

    public string? Model { get; set; }
    public List<MessageDraft> Messages { get; set; } = [];
    public bool Stream { get; set; }
    public bool IncludeUsage { get; set; }
    public bool IncludeProgress { get; set; }
    public bool ReturnTokenIds { get; set; }

    public int? MaxTokens { get; set; }
    public int? MaxCompletionTokens { get; set; }
    public SamplingOptions Choosing { get; set; } = new();
    public IReadOnlyList<string> Stop { get; set; } = [];
    public IReadOnlyList<int> StopTokens { get; set; } = [];
    public bool KeepsStop { get; set; }
    public bool IgnoreEos { get; set; }
    public int MinTokens { get; set; }
    public int Choices { get; set; } = 1;
    public bool Logprobs { get; set; }
    public int TopLogprobs { get; set; }
    public int Priority { get; set; }
    public AnswerFormat? Format { get; set; }

    /// <summary>Where the client named <see cref="Format"/>, for errors.</summary>
    public string? FormatPath { get; set; }

    public FrameSampling MediaIoSampling { get; set; } = new();
    public FrameSampling ProcessorSampling { get; set; } = new();
    public ImageFit? Fit { get; set; }
    public ConversationKind? Conversation { get; set; }
    public VideoCondition? Condition { get; set; }
    public MediaPosition? MediaPosition { get; set; }
    public PromptStyle? Style { get; set; }

    /// <summary>Videos without subtitles of their own in the request are shown with those in their files.</summary>
    public bool UsesTracks { get; set; }

    // Work in the background, which is read again from what the client sent.
    public bool Background { get; set; }
    public ReadOnlyMemory<byte> Body { get; set; }
    public JobUpload? Upload { get; set; }
    public Webhook? Webhook { get; set; }

    // The plain question of /v1/ask.
    public string? Question { get; set; }
    public PartDraft QuestionPart { get; } = new(limits, files);
}

/// <summary>How much one request may ask for.</summary>
/// <param name="Choices">answers</param>
/// <param name="BestPriority">the lowest number</param>
/// <param name="Text">how much text</param>
internal sealed record RequestLimits(int Messages, int Media, int Choices, int BestPriority, PromptText Text);
