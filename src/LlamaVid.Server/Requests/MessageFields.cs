using Microsoft.OpenApi;

namespace LlamaVid.Server.Requests;

/// <summary>The messages of a conversation, read one by one. What they mean together is for <see cref="ChatRequest"/>.</summary>
internal static class MessageFields
{
    private static readonly Dictionary<string, MessageRole> Roles = new()
    {
        ["system"] = MessageRole.System, ["developer"] = MessageRole.System, ["user"] = MessageRole.User, ["assistant"] = MessageRole.Assistant,
    };

    private static readonly FieldTable<MessageDraft> Table = new(
        new Field<MessageDraft>("role", "system and developer replace the template's own system sentence.",
            () => new() { Type = JsonSchemaType.String, Enum = [.. Roles.Keys.Select(key => System.Text.Json.Nodes.JsonValue.Create(key))] },
            (message, value) => message.Role = Role(value), Required: true),
        new Field<MessageDraft>("content", "A text, or a list of parts. Media may be in user messages only. An assistant that said nothing may have none.", ContentSchema, ReadContent),
        Field.Harmless<MessageDraft>("name"), Field.Harmless<MessageDraft>("reasoning"), Field.Harmless<MessageDraft>("reasoning_content"),
        Field.Only<MessageDraft>("refusal", "\"\""), Field.Only<MessageDraft>("tool_calls", "[]"), Field.Only<MessageDraft>("function_call"),
        Field.Only<MessageDraft>("audio"), Field.Only<MessageDraft>("annotations", "[]"));

    public static Field<ChatDraft> Messages { get; } = new(
        "messages", "The conversation so far; the last message is the user's question.",
        () => new() { Type = JsonSchemaType.Array, MinItems = 1, Items = Table.Schema() },
        (draft, value) =>
        {
            foreach (var item in value.Items(draft.Limits.Messages))
            {
                var message = new MessageDraft(item.Path, draft.Limits, draft.Files);
                Table.Read(item, message);
                if (message.Role != MessageRole.Assistant && item.Find("content") is null)
                    throw FieldTable<MessageDraft>.Missing(item.Path, "content");
                draft.Messages.Add(message);
            }
        }, Required: true);

    private static MessageRole Role(JsonCursor value) => value.IsText && value.Text() is "tool" or "function"
        ? throw InvalidRequestException.NotSupported(value.Path, $"'{value.Path}' is '{value.Text()}': this model calls no tools.")
        : value.Choice(Roles);

    private static void ReadContent(MessageDraft message, JsonCursor content)
    {
        if (content.IsText)
        {
            message.Text = message.Limits.Text.Read(content);
            return;
        }
        if (!content.IsArray)
            throw content.Wrong("must be a string or an array of parts");
        SubtitleDraft? early = null;                         // of the video that comes next
        PartDraft? video = null;
        var texts = new List<string>();
        foreach (var item in content.Items(10_000))
        {
            var part = new PartDraft(message.Limits, message.Files);
            TableOf(item).Read(item, part);
            if (part.Text is not null)
                texts.Add(part.Text);
            else if (part.Subtitles is { } subtitles)
            {
                if ((video is null ? early : video.Subtitles) is { } before)
                    throw new InvalidRequestException(subtitles.Path, $"'{subtitles.Path}' are second subtitles of one video, after '{before.Path}'. Send one of them.");
                if (video is null)
                    early = subtitles;
                else
                    video.Subtitles = subtitles;
            }
            else
            {
                message.Media.Add((part.Media!, part));
                (video, part.Subtitles, early) = (part, early, null);
            }
        }
        if (texts.Count > 0) message.Text = string.Join('\n', texts);
        if (early is not null)
            throw new InvalidRequestException(early.Path, $"'{early.Path}' has no video beside it. Send them in the message that holds the video.");
    }

    private static FieldTable<PartDraft> TableOf(JsonCursor part)
    {
        if (!part.IsObject)
            throw part.Wrong("must be an object with a 'type'");
        var type = part.Find("type") ?? throw FieldTable<PartDraft>.Missing(part.Path, "type");
        return PartFields.ByType.TryGetValue(type.Text(), out var table) ? table : throw InvalidRequestException.NotSupported(
            type.Path, $"'{type.Path}' is '{InvalidRequestException.Shortened(type.Text())}'; supported are {string.Join(", ", PartFields.ByType.Keys)}.");
    }

    private static OpenApiSchema ContentSchema() => new()
    {
        OneOf =
        [
            new OpenApiSchema { Type = JsonSchemaType.String },
            new OpenApiSchema
            {
                Type = JsonSchemaType.Array,
                Items = new OpenApiSchema { OneOf = [.. PartFields.ByType.Values.Select(table => table.Schema())] },
            },
        ],
    };
}
