using LlamaVid.Engine;
using LlamaVid.Media;

namespace LlamaVid.Server.Files;

/// <summary>What a file holds, judged by its first bytes and never by its name.</summary>
internal sealed record FileContent(string MediaType, MediaKind? Kind)
{
    public static readonly FileContent JsonLines = new("application/jsonl", Kind: null);

    private static readonly Dictionary<string, FileContent> ByFormat = new()
    {
        ["mp4"] = new("video/mp4", MediaKind.Video), ["matroska"] = new("video/x-matroska", MediaKind.Video), ["avi"] = new("video/x-msvideo", MediaKind.Video),
        ["flv"] = new("video/x-flv", MediaKind.Video), ["mpegts"] = new("video/mp2t", MediaKind.Video), ["mpeg"] = new("video/mpeg", MediaKind.Video),
        ["ogg"] = new("video/ogg", MediaKind.Video), ["asf"] = new("video/x-ms-asf", MediaKind.Video), ["gif"] = new("image/gif", MediaKind.Video),
        ["apng"] = new("image/apng", MediaKind.Video), ["png"] = new("image/png", MediaKind.Image), ["jpeg"] = new("image/jpeg", MediaKind.Image),
        ["webp"] = new("image/webp", MediaKind.Image), ["bmp"] = new("image/bmp", MediaKind.Image),
    };

    public static FileContent Named(string mediaType) =>
        mediaType == JsonLines.MediaType ? JsonLines : ByFormat.Values.First(content => content.MediaType == mediaType);

    /// <param name="head">The first <see cref="MediaFormat.SniffedBytes"/> bytes, or the whole if it is shorter.</param>
    /// <exception cref="UnsupportedMediaException">no video or picture that is decoded here</exception>
    /// <exception cref="FileContentException">no JSON Lines where a batch needs them</exception>
    public static FileContent Of(ReadOnlySpan<byte> head, FilePurpose purpose)
    {
        if (purpose is FilePurpose.Vision or FilePurpose.UserData)
            return ByFormat[MediaFormat.Sniff(head).Name];
        var text = head.StartsWith("\uFEFF"u8) ? head[3..] : head;
        if (!text.TrimStart(" \t\r\n"u8).StartsWith("{"u8) || text.Contains((byte)0))
            throw new FileContentException("'file' does not begin with a JSON object. A batch is JSON Lines: one request on each line.");
        return JsonLines;
    }
}
