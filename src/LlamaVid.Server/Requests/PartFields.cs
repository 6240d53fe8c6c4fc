using System.Text.Json.Nodes;
using LlamaVid.Engine;
using LlamaVid.Media;
using Microsoft.OpenApi;

namespace LlamaVid.Server.Requests;

/// <summary>The content parts of a message, by their <c>type</c>: text, and every way in which clients send a video or a picture.</summary>
internal static class PartFields
{
    private static readonly FieldTable<PartDraft> InputVideo = new(
        new Field<PartDraft>("data", "Base64 of the video file.", Bytes,
            (part, value) => part.Media = new(MediaReference.Base64(value), MediaKind.Video, value.Path)),
        new Field<PartDraft>("url", "The same as `video_url.url`.", Bytes,
            (part, value) => part.Media = MediaReference.Read(value, MediaKind.Video)),
        FileId<PartDraft>(part => part),
        Field.Harmless<PartDraft>("format"));

    private static readonly FieldTable<PartDraft> File = new(
        new Field<PartDraft>("file_data", "`data:video/mp4;base64,…` or `data:image/png;base64,…`.", Bytes,
            (part, value) => part.Media = MediaReference.Read(value, kind: null)),
        FileId<PartDraft>(part => part),
        Field.Harmless<PartDraft>("filename"));

    private static readonly FieldTable<PartDraft> Excerpt = new(
        Field.Only<PartDraft>("type", "\"offset\""),
        Field.Number<PartDraft>("start_offset", 0, 1e9, "The same as `start`.", (part, seconds) => part.Sampling = part.Sampling with { Start = seconds }),
        SharedFields.End<PartDraft>("end_offset", "The same as `end`."));

    public static readonly IReadOnlyDictionary<string, FieldTable<PartDraft>> ByType = new Dictionary<string, FieldTable<PartDraft>>
    {
        ["text"] = Part("text", new("text", "The text.", () => new() { Type = JsonSchemaType.String },
            (part, value) => part.Text = part.Limits.Text.Read(value), Required: true, Form: FormValue.Text)),
        ["video_url"] = Video("video_url",
            Address("video_url", "An https address, `data:video/mp4;base64,…`, or `data:video/jpeg;base64,<frame>,<frame>,…`.", MediaKind.Video)),
        ["input_video"] = Video("input_video",
            new("input_video", "The video as base64, its address, or the id of an uploaded file.", () => InputVideo.Schema(), (part, value) => ReadOne(InputVideo, value, part, "data, url, file_id"), Required: true)),
        ["video"] = Video("video",
            new("video", "One address, or the frames of one video: addresses of pictures and `data:image/…` URIs. `fps` says how many of them are a second.", FramesSchema, (part, value) => part.Media = Frames(value), Required: true)),
        ["image_url"] = Part("image_url",
            Address("image_url", "An https address or `data:image/png;base64,…`; `data:video/…` is taken as a video.", MediaKind.Image),
            [.. SharedFields.Sampling<PartDraft>(), Field.Harmless<PartDraft>("uuid")]),
        ["subtitles"] = Part("subtitles", new("subtitles", "Of the video before it in the message, or else of the one behind it. Only films show them (`prompt_style`).",
            () => SubtitleFields.Table.Schema(), (part, value) => part.Subtitles = SubtitleFields.Read(value), Required: true)),
        ["file"] = Video("file",
            new("file", "A file inside the request, or one that was uploaded before.", () => File.Schema(), (part, value) => ReadOne(File, value, part, "file_data, file_id"), Required: true)),
    };

    /// <summary>Where a picture or video is named by an address: bare, or in an object with <c>url</c>.</summary>
    public static Field<PartDraft> Address(string name, string description, MediaKind kind)
    {
        var inner = new FieldTable<PartDraft>(
            new Field<PartDraft>("url", description, Bytes, (part, value) => part.Media = MediaReference.Read(value, kind), Required: true),
            Field.Harmless<PartDraft>("detail"));
        return new(name, description, () => new() { OneOf = [Bytes(), inner.Schema()] }, (part, value) =>
        {
            if (value.IsText)
                part.Media = MediaReference.Read(value, kind);
            else
                inner.Read(value, part);
        }, Required: true);
    }

    /// <summary>Where a video or picture that was uploaded before is named by its id.</summary>
    public static Field<T> FileId<T>(Func<T, PartDraft> part) => new("file_id", "The id of a file that POST /v1/files has answered.", Bytes,
        (draft, value) => part(draft).Media = part(draft).Files.Hold(value), Form: FormValue.Text);

    public static MediaDraft Frames(JsonCursor value)
    {
        if (value.IsText)
            return MediaReference.Read(value, MediaKind.Video);
        var frames = value.Items(100_000).Select(MediaReference.Frame).ToArray();
        return frames.Length > 0 ? new(new MediaSource.Pictures(frames), MediaKind.Video, value.Path) : throw value.Wrong("must hold at least one frame");
    }

    public static OpenApiSchema FramesSchema() => new() { OneOf = [Bytes(), new OpenApiSchema { Type = JsonSchemaType.Array, MinItems = 1, Items = Bytes() }] };

    /// <summary>An object that names its video in one of several ways.</summary>
    private static void ReadOne(FieldTable<PartDraft> table, JsonCursor value, PartDraft part, string ways)
    {
        table.Read(value, part);
        if (part.Media is null)
            throw new InvalidRequestException(value.Path, $"'{value.Path}' holds no video or picture. Send one of {ways} in it.", InvalidRequestException.MissingField);
    }

    private static OpenApiSchema Bytes() => new() { Type = JsonSchemaType.String };

    private static FieldTable<PartDraft> Video(string type, Field<PartDraft> field) => Part(type, field,
        [.. SharedFields.Sampling<PartDraft>(), Field.Object("media_info", Excerpt, "An excerpt of the video."), Field.Harmless<PartDraft>("uuid")]);

    private static FieldTable<PartDraft> Part(string type, Field<PartDraft> field, params IEnumerable<Field<PartDraft>> more) =>
        new(
        [
            new("type", "The kind of part.", () => new() { Type = JsonSchemaType.String, Enum = [JsonValue.Create(type)] }, (_, _) => { }, Required: true),
            field, .. more, Field.Harmless<PartDraft>("cache_control"),
        ]);
}
