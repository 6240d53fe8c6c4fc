using System.Text.Json;
using System.Text.Json.Nodes;
using LlamaVid.Engine;
using LlamaVid.Server.Features.ChatCompletions;
using LlamaVid.Server.Requests;
using Microsoft.OpenApi;

namespace LlamaVid.Server.Features.Ask;

/// <summary>What a plain question may say: the chat request's fields without the conversation, and the video beside the question.</summary>
internal static class AskFields
{
    public static FieldTable<ChatDraft> Json { get; } = new(
    [
        new Field<ChatDraft>("question", "What to answer.", () => new() { Type = JsonSchemaType.String },
            (draft, value) => draft.Question = draft.Limits.Text.Read(value), Required: true, Form: FormValue.Text),
        Media(PartFields.Address("video_url", "An https address or `data:video/mp4;base64,…`.", MediaKind.Video)),
        Media(PartFields.Address("image_url", "An https address or `data:image/png;base64,…`.", MediaKind.Image)),
        new Field<ChatDraft>("video", "A file in a form; in JSON the same as `video_url`, or a list of frames.", PartFields.FramesSchema,
            (draft, value) => draft.QuestionPart.Media = PartFields.Frames(value), Form: FormValue.TextOrJson),
        new Field<ChatDraft>("image", "A file in a form; in JSON the same as `image_url`.", () => new() { Type = JsonSchemaType.String },
            (draft, value) => draft.QuestionPart.Media = MediaReference.Read(value, MediaKind.Image), Form: FormValue.TextOrJson),
        new Field<ChatDraft>("subtitles", "What is said in the video. Only films show it (`prompt_style`).", () => SubtitleFields.Table.Schema(),
            (draft, value) => draft.QuestionPart.Subtitles = SubtitleFields.Read(value)),
        PartFields.FileId<ChatDraft>(draft => draft.QuestionPart),
        .. SharedFields.Answer, .. SamplingFields.All, .. FormatFields.All, .. SharedFields.Video, .. SharedFields.Compatibility,
    ]);

    public static readonly (string Name, string Json)[] Examples =
    [
        ("A video inside the request", $$"""{"question": "What happens in the video?", "max_tokens": 32, "video_url": "{{ChatExamples.TinyVideo}}"}"""),
    ];

    /// <summary>The form: files where JSON has addresses, so that the documentation page shows a file chooser.</summary>
    public static OpenApiSchema FormSchema()
    {
        var schema = Json.Schema();
        var properties = schema.Properties!;
        foreach (var (name, field) in properties.ToArray())
            if (field.Type is not (JsonSchemaType.String or JsonSchemaType.Number or JsonSchemaType.Integer or JsonSchemaType.Boolean))      // the page cannot draw those
                properties[name] = new OpenApiSchema { Type = JsonSchemaType.String, Description = $"{field.Description} Written as JSON." };
        foreach (var name in (string[])["video", "image"])
            properties[name] = new OpenApiSchema { Type = JsonSchemaType.String, Format = "binary", Description = $"The {name} file." };
        foreach (var name in (string[])["video_url", "image_url"])
            properties[name] = new OpenApiSchema { Type = JsonSchemaType.String, Description = $"The address of the {name[..5]}, in place of a file." };
        properties["question"] = new OpenApiSchema { Type = JsonSchemaType.String, Description = "What to answer.", Default = "What happens in the video?" };
        // A page that fills in every field would send what only compatibility accepts.
        foreach (var field in SharedFields.Compatibility)
            properties.Remove(field.Name);
        // The page sends every field that it can make up a value for; an empty one counts as left out.
        foreach (var (name, field) in properties)
            if (name is not ("question" or "video" or "image") && field is OpenApiSchema optional)
                (optional.Default, optional.Examples) = (null, [JsonValue.Create("")]);
        return schema;
    }

    /// <summary>Forms and command lines know only text. Fields that are not text are read as JSON; an empty one was left out.</summary>
    public static JsonNode? FromText(string name, string text)
    {
        if (Json.Find(name) is not { } field)
            throw InvalidRequestException.UnknownField(name);
        if (text.Length == 0 && name != "question")
            return null;
        if (field.Form == FormValue.Text || field.Form == FormValue.TextOrJson && text[0] is not ('[' or '{'))
            return JsonValue.Create(text);
        try
        {
            return JsonNode.Parse(text);
        }
        catch (JsonException)                             // the field itself says what it would take
        {
            return JsonValue.Create(text);
        }
    }

    private static Field<ChatDraft> Media(Field<PartDraft> field) =>
        new(field.Name, field.Description, field.Schema, (draft, value) => field.Read(draft.QuestionPart, value), Form: FormValue.TextOrJson);
}
