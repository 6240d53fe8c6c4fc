using LlamaVid.Engine;
using LlamaVid.Media;

namespace LlamaVid.Server.Requests;

/// <summary>What a client's address points at: bytes inside the request, or a place on the web. Opens and fetches nothing.</summary>
/// <remarks>Bytes inside a request are bounded by the body; what one video may have is for the media's own limits.</remarks>
internal static class MediaReference
{
    /// <param name="kind">Null: as the data URI's type says.</param>
    public static MediaDraft Read(JsonCursor value, MediaKind? kind)
    {
        var text = value.Text();
        if (!DataUri.IsDataUri(text))
            return new(new MediaSource.Remote(Address(value, text)), kind ?? MediaKind.Video, value.Path);

        var source = Decoded(value, () => DataUri.Parse(text, long.MaxValue));
        if (Has(text, "data:video/"))
            kind = MediaKind.Video;
        return new(source, kind ?? (Has(text, "data:image/") ? MediaKind.Image : MediaKind.Video), value.Path);
    }

    /// <summary>One frame of a list of frames.</summary>
    public static ReadOnlyMemory<byte> Frame(JsonCursor value)
    {
        var text = value.Text();
        if (!DataUri.IsDataUri(text))
            throw InvalidRequestException.NotSupported(value.Path, $"'{value.Path}' must be a data:image/… URI: frames of a list are not fetched from the web.");
        return Decoded(value, () => DataUri.Parse(text, long.MaxValue)) is MediaSource.Inline inline ? inline.Bytes : throw value.Wrong("must be one picture");
    }

    /// <summary>A file as plain base64.</summary>
    public static MediaSource Base64(JsonCursor value)
    {
        var text = value.Text();
        return Decoded(value, () => DataUri.ParseBase64(text, long.MaxValue));
    }

    private static bool Has(string text, string start) => text.StartsWith(start, StringComparison.OrdinalIgnoreCase);

    private static MediaSource Decoded(JsonCursor value, Func<MediaSource> parse)
    {
        try
        {
            return parse();
        }
        catch (InvalidDataUriException fault)
        {
            throw new InvalidRequestException(value.Path, $"'{value.Path}': {fault.Message}", "invalid_data_uri");
        }
    }

    private static Uri Address(JsonCursor value, string text) =>
        Uri.TryCreate(text, UriKind.Absolute, out var uri) && (uri.Scheme == Uri.UriSchemeHttps || uri.Scheme == Uri.UriSchemeHttp)
            ? uri
            : throw value.Wrong("must be an http(s) address or a data: URI");
}
