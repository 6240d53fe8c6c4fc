using LlamaVid.Media;

namespace LlamaVid.Server.Requests;

/// <summary>Subtitles inside a request, as the text of an SRT or VTT file.</summary>
internal static class SubtitleFields
{
    private static readonly Dictionary<string, SubtitleFormat> Formats = new() { ["srt"] = SubtitleFormat.Srt, ["vtt"] = SubtitleFormat.Vtt };

    public static FieldTable<Draft> Table { get; } = new(
        Field.Choice<Draft, SubtitleFormat>("format", Formats, "Left out: as the text begins.", (draft, format) => draft.Format = format),
        new Field<Draft>("data", "The text of the file.", () => new() { Type = Microsoft.OpenApi.JsonSchemaType.String }, (draft, value) => draft.Data = value, Required: true));

    public static SubtitleDraft Read(JsonCursor value)
    {
        var draft = new Draft();
        Table.Read(value, draft);
        var (data, text) = (draft.Data!.Value, draft.Data.Value.Text());
        if (draft.Format is { } format && format != Subtitles.FormatOf(text))
            throw data.Wrong(format == SubtitleFormat.Vtt ? "must begin with WEBVTT" : "begins with WEBVTT and is no SRT");
        try
        {
            return new(Subtitles.Parse(text), data.Path);
        }
        catch (SubtitlesUnreadableException fault)
        {
            throw new InvalidRequestException(data.Path, $"'{data.Path}': {fault.Message}");
        }
    }

    internal sealed class Draft
    {
        public SubtitleFormat? Format { get; set; }
        public JsonCursor? Data { get; set; }
    }
}
