using System.Text;

namespace LlamaVid.Model.Text;

/// <summary>Writes a conversation and its media as one prompt, the way the official programs do. Knows token counts, not tokens.</summary>
/// <param name="usesStartEnd">config.json's mm_use_im_start_end: media stand between &lt;im_start&gt; and &lt;im_end&gt;.</param>
/// <param name="scalesRope">The checkpoint scales its rotary positions, as the long-video model does: <see cref="PromptStyle.Auto"/> then writes videos as movies.</param>
/// <remarks>
/// Every stretch of text between media is tokenised alone and loses its beginning-of-sequence id, except the first (tokenizer_image_token).
/// Placement is by structure: a text that holds the letters "&lt;image&gt;" is text and is tokenised as such, it never becomes a placeholder.
/// </remarks>
public sealed class PromptBuilder(LlamaTokenizer tokenizer, bool usesStartEnd = false, bool scalesRope = false)
{
    internal const string MovieStart = "Below is a movie. Memorize the content and answer my question after watching this movie.";
    internal const string MovieEnd = "Now the movie end.";

    /// <summary>
    /// The prompt that asks for the next answer. A conversation that ends with an assistant's turn is continued inside that turn:
    /// the prompt ends with its text, without the separator that would close it.
    /// </summary>
    /// <exception cref="ArgumentException">The turns name media that are not there, leave media out, or have no user turn to condition them.</exception>
    public PromptLayout Build(IReadOnlyList<ChatTurn> turns, IReadOnlyList<PromptMedia> media, PromptOptions options)
    {
        Validate(turns, media);
        var conversation = Conversation.Of(options.Conversation);
        var styles = media.Select(item => StyleOf(item.IsVideo, options.Style)).ToArray();
        var writer = new Writer(tokenizer, media, styles, usesStartEnd);

        writer.Add((options.System ?? conversation.System) + conversation.AfterSystem);
        turns = Placed(turns, options.MediaPosition);
        for (var i = 0; i < turns.Count; i++)
        {
            var turn = turns[i];
            var isEmpty = turn.Text.Length == 0 && turn.Media.Count == 0;
            writer.Add(conversation.Before(turn.Role, isEmpty));
            foreach (var index in turn.Media)
            {
                writer.Add(index);
                writer.Add(conversation.AfterMedia);
            }
            if (conversation.IsPlain && turn.Role == ChatRole.User && turn.Media.Count > 0)
                continue;
            writer.Add(turn.Text);
            if (i < turns.Count - 1 || turn.Role == ChatRole.User)
                writer.Add(conversation.After(turn.Role, isEmpty));
        }
        if (turns is not [.., { Role: ChatRole.Assistant }])
            writer.Add(conversation.Before(ChatRole.Assistant, isEmpty: true));

        return new PromptLayout(writer.Finish(), media.Count == 0 ? null : Condition(turns, options.Condition), styles, conversation.Stop);
    }

    /// <summary>How an item is written: as asked, where <see cref="PromptStyle.Auto"/> is a movie for videos of a checkpoint with scaled positions.</summary>
    public PromptStyle StyleOf(bool isVideo, PromptStyle asked) =>
        asked != PromptStyle.Auto ? asked : isVideo && scalesRope ? PromptStyle.Movie : PromptStyle.Clip;

    /// <summary>The text that the text decoder reads for every video and picture of the conversation.</summary>
    public static string Condition(IReadOnlyList<ChatTurn> turns, VideoCondition condition) => condition switch
    {
        VideoCondition.Latest => turns.Last(turn => turn.Role == ChatRole.User).Text,
        VideoCondition.First => turns.First(turn => turn.Role == ChatRole.User).Text,
        VideoCondition.Text text => text.Value,
        _ => throw new ArgumentOutOfRangeException(nameof(condition), condition, "Not a condition."),
    };

    private static IReadOnlyList<ChatTurn> Placed(IReadOnlyList<ChatTurn> turns, MediaPosition position)
    {
        var users = Enumerable.Range(0, turns.Count).Where(i => turns[i].Role == ChatRole.User).ToArray();
        if (position == MediaPosition.AsGiven || users.Length == 0)
            return turns;
        var target = position == MediaPosition.Newest ? users[^1] : users[0];
        int[] all = [.. turns.SelectMany(turn => turn.Media)];
        return [.. turns.Select((turn, i) => turn with { Media = i == target ? all : [] })];
    }

    private static void Validate(IReadOnlyList<ChatTurn> turns, IReadOnlyList<PromptMedia> media)
    {
        var shown = turns.SelectMany(turn => turn.Media).ToHashSet();
        foreach (var index in shown)
            if (index < 0 || index >= media.Count)
                throw new ArgumentException($"A turn shows media item {index}; there are {media.Count}.", nameof(turns));
        for (var index = 0; index < media.Count; index++)
            if (!shown.Contains(index))
                throw new ArgumentException($"No turn shows media item {index}; it would be dropped silently.", nameof(turns));
        if (media.Count > 0 && turns.All(turn => turn.Role != ChatRole.User))
            throw new ArgumentException("Media need a user's turn: its text conditions their context tokens.", nameof(turns));
        foreach (var item in media)
        {
            if (item.Frames < 1 || item.Tokens < item.Frames || item.Tokens % item.Frames != 0)
                throw new ArgumentException($"{item.Tokens} tokens do not fit {item.Frames} frames.", nameof(media));
            if (item.Captions is { Count: > 0 } captions && captions.Count != item.Frames)
                throw new ArgumentException($"{captions.Count} captions do not fit {item.Frames} frames.", nameof(media));
        }
    }

    /// <summary>Collects text until a media item ends it.</summary>
    private sealed class Writer(LlamaTokenizer tokenizer, IReadOnlyList<PromptMedia> media, PromptStyle[] styles, bool usesStartEnd)
    {
        private readonly List<PromptSpan> _spans = [];
        private readonly StringBuilder _text = new();
        private int _dropped = -1;                             // leading ids that later texts lose; unknown before the first

        public void Add(string text) => _text.Append(text);

        public void Add(int index)
        {
            var item = media[index];
            Add(usesStartEnd ? "<im_start>" : "");
            if (styles[index] == PromptStyle.Clip)
                AddSpan(new PromptSpan.Media(index, 0, item.Tokens, Placeholders: 1));
            else
                AddMovie(index, item);
            Add(usesStartEnd ? "<im_end>" : "");
        }

        public List<PromptSpan> Finish()
        {
            CloseText();
            return _spans;
        }

        private void AddMovie(int index, PromptMedia item)
        {
            Add(MovieStart);
            var captions = item.Captions is { Count: > 0 } given ? given : [""];
            var perCaption = item.Tokens / captions.Count;
            var first = 0;                                     // a run of tokens ends where a caption stands
            for (var i = 0; i < captions.Count; i++)
            {
                if (captions[i].Length == 0 && i < captions.Count - 1)
                    continue;
                var end = i == captions.Count - 1 ? item.Tokens : (i + 1) * perCaption;
                AddSpan(new PromptSpan.Media(index, first, end - first, Placeholders: end - first));
                Add(captions[i]);
                first = end;
            }
            Add(MovieEnd);
        }

        private void AddSpan(PromptSpan.Media span)
        {
            CloseText();
            _spans.Add(span);
        }

        private void CloseText()
        {
            var ids = tokenizer.Encode(_text.ToString());
            if (_dropped < 0)
                _dropped = ids is [var id, ..] && id == tokenizer.BosId ? 1 : 0;
            else
                ids = [.. ids.Skip(_dropped)];
            if (ids.Count > 0)
                _spans.Add(new PromptSpan.Text(_text.ToString(), ids));
            _text.Clear();
        }
    }
}
