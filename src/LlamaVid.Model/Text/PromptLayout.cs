namespace LlamaVid.Model.Text;

/// <summary>What a prompt needs to know of one video or picture.</summary>
/// <param name="Tokens">Visual tokens in all: frames × (1 + content tokens).</param>
/// <param name="Captions">Movie style only: the subtitles of each frame, written behind its tokens; empty or one text per frame.</param>
public sealed record PromptMedia(int Frames, int Tokens, bool IsVideo, IReadOnlyList<string>? Captions = null);

/// <summary>A stretch of consecutive positions of a prompt.</summary>
public abstract record PromptSpan
{
    private PromptSpan() { }

    public abstract int Positions { get; }

    /// <param name="Value">The text as written; the ids may begin with the beginning-of-sequence id.</param>
    public sealed record Text(string Value, IReadOnlyList<int> Ids) : PromptSpan
    {
        public override int Positions => Ids.Count;
    }

    /// <summary>Tokens <paramref name="FirstToken"/> to <paramref name="FirstToken"/> + <paramref name="Count"/> of the media item <paramref name="Index"/>.</summary>
    /// <param name="Placeholders">How many &lt;image&gt; the official text has here: one per item, or one per token of a movie.</param>
    public sealed record Media(int Index, int FirstToken, int Count, int Placeholders) : PromptSpan
    {
        public override int Positions => Count;
    }
}

/// <summary>One prompt, ready to be embedded: text ids and the places of visual tokens, in order. Holds no tensors.</summary>
/// <param name="Spans">Never empty spans; text spans are never neighbours.</param>
/// <param name="Condition">The text that the text decoder reads; null when there are no media.</param>
/// <param name="Styles">How each media item was written, by media index: never <see cref="PromptStyle.Auto"/>. Movies lose their class token before the text decoder.</param>
/// <param name="Stop">The template's text that ends an answer.</param>
public sealed record PromptLayout(IReadOnlyList<PromptSpan> Spans, string? Condition, IReadOnlyList<PromptStyle> Styles, string Stop)
{
    /// <summary>The official placeholder id (IMAGE_TOKEN_INDEX).</summary>
    public const int MediaId = -200;

    /// <summary>Positions of the decoder's input.</summary>
    public int Positions { get; } = Spans.Sum(span => span.Positions);

    /// <summary>The prompt as the official string reads, with &lt;image&gt; marks. For people: user text may hold the same letters.</summary>
    public string Text => string.Concat(Spans.Select(span => span switch
    {
        PromptSpan.Text text => text.Value,
        PromptSpan.Media media => string.Concat(Enumerable.Repeat("<image>", media.Placeholders)),
        _ => "",
    }));

    /// <summary>The text ids with one <see cref="MediaId"/> for each run of visual tokens.</summary>
    public IReadOnlyList<int> FoldedIds => [.. Spans.SelectMany(span => span is PromptSpan.Text text ? text.Ids : [MediaId])];
}
