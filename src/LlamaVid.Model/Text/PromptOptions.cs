namespace LlamaVid.Model.Text;

public enum ConversationKind { VicunaV1, ImgspV1, LlavaV1, LlavaV0, Plain }

/// <summary>Which turn carries the media placeholders.</summary>
public enum MediaPosition { AsGiven, Newest, First }

/// <summary>How media are written into the prompt: one placeholder per item, or the movie layout with one per visual token.</summary>
public enum PromptStyle { Auto, Clip, Movie }

/// <summary>The text that conditions the context tokens.</summary>
public abstract record VideoCondition
{
    private VideoCondition() { }

    /// <summary>The newest user turn, as the official command line does.</summary>
    public sealed record Latest : VideoCondition;

    /// <summary>The first user turn, as the official workers do.</summary>
    public sealed record First : VideoCondition;

    public sealed record Text(string Value) : VideoCondition;
}

/// <summary>How a conversation becomes one prompt. Each field's first value is the default.</summary>
public sealed record PromptOptions
{
    public ConversationKind Conversation { get; init; } = ConversationKind.VicunaV1;

    /// <summary>Replaces the template's own system sentence.</summary>
    public string? System { get; init; }

    public VideoCondition Condition { get; init; } = new VideoCondition.Latest();
    public MediaPosition MediaPosition { get; init; } = MediaPosition.AsGiven;
    public PromptStyle Style { get; init; } = PromptStyle.Auto;
}
