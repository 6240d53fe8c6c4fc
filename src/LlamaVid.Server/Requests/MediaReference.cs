using System.Text;
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
        var text = value.Utf8();
        if (!DataUri.IsDataUri(text))
            return new(new MediaSource.Remote(Address(value)), kind ?? MediaKind.Video, value.Path);

        var source = Decoded(value, text, DataUri.Parse);
        if (Has(text, "data:video/"u8))
            kind = MediaKind.Video;
        return new(source, kind ?? (Has(text, "data:image/"u8) ? MediaKind.Image : MediaKind.Video), value.Path);
    }

    /// <summary>One frame of a list of frames.</summary>
    public static MediaSource Frame(JsonCursor value) =>
        Read(value, MediaKind.Image).Source is var source and not MediaSource.Pictures ? source : throw value.Wrong("must be one picture");

    /// <summary>A file as plain base64.</summary>
    public static MediaSource Base64(JsonCursor value) => Decoded(value, value.Utf8(), DataUri.ParseBase64);

    private static bool Has(ReadOnlySpan<byte> text, ReadOnlySpan<byte> start) =>
        text.Length >= start.Length && Ascii.EqualsIgnoreCase(text[..start.Length], start);

    private static MediaSource Decoded(JsonCursor value, ReadOnlySpan<byte> text, Func<ReadOnlySpan<byte>, long, MediaSource> parse)
    {
        try
        {
            return parse(text, long.MaxValue);
        }
        catch (InvalidDataUriException fault)
        {
            throw new InvalidRequestException(value.Path, $"'{value.Path}': {fault.Message}", "invalid_data_uri");
        }
    }

    private static Uri Address(JsonCursor value) =>
        Uri.TryCreate(value.Text(), UriKind.Absolute, out var uri) && (uri.Scheme == Uri.UriSchemeHttps || uri.Scheme == Uri.UriSchemeHttp)
            ? uri
            : throw value.Wrong("must be an http(s) address or a data: URI");
}
