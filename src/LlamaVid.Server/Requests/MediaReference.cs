using System.Buffers;
using System.Buffers.Text;
using System.Text;
using LlamaVid.Engine;
using LlamaVid.Media;

namespace LlamaVid.Server.Requests;

/// <summary>What a client's address points at: bytes inside the request, or a place on the web. Opens and fetches nothing.</summary>
internal static class MediaReference
{
    /// <param name="kind">Null: as the data URI's type says.</param>
    public static MediaDraft Read(JsonCursor value, MediaKind? kind)
    {
        if (!value.TryRawText(out var text))
            text = Encoding.UTF8.GetBytes(value.Text());
        if (!text.StartsWith("data:"u8))
            return new(new MediaSource.Remote(Address(value)), kind ?? MediaKind.Video, value.Path);

        var parts = Split(value, text);
        var mime = parts.Mime;
        var payload = parts.Payload;
        if (mime.StartsWith("video/", StringComparison.OrdinalIgnoreCase))
            kind = MediaKind.Video;
        kind ??= mime.StartsWith("image/", StringComparison.OrdinalIgnoreCase) ? MediaKind.Image : MediaKind.Video;
        return new(mime.Equals("video/jpeg", StringComparison.OrdinalIgnoreCase) ? Frames(value, payload) : new MediaSource.Inline(Decode(value, payload)), kind.Value, value.Path);
    }

    /// <summary>One frame of a list of frames.</summary>
    public static ReadOnlyMemory<byte> Frame(JsonCursor value)
    {
        if (!value.TryRawText(out var text))
            text = Encoding.UTF8.GetBytes(value.Text());
        if (!text.StartsWith("data:"u8))
            throw new InvalidRequestException(value.Path, $"'{value.Path}' must be a data:image/… URI: frames of a list are not fetched from the web.", InvalidRequestException.Unsupported);
        return Decode(value, Split(value, text).Payload);
    }

    /// <summary>A file as plain base64.</summary>
    public static MediaSource Base64(JsonCursor value) =>
        new MediaSource.Inline(Decode(value, value.TryRawText(out var text) ? text : Encoding.UTF8.GetBytes(value.Text())));

    private static Uri Address(JsonCursor value) =>
        Uri.TryCreate(value.Text(), UriKind.Absolute, out var uri) && (uri.Scheme == Uri.UriSchemeHttps || uri.Scheme == Uri.UriSchemeHttp)
            ? uri
            : throw value.Wrong("must be an http(s) address or a data: URI");

    private ref struct Parts(string mime, ReadOnlySpan<byte> payload)
    {
        public string Mime = mime;
        public ReadOnlySpan<byte> Payload = payload;
    }

    private static Parts Split(JsonCursor value, ReadOnlySpan<byte> uri)
    {
        var comma = uri.IndexOf((byte)',');
        var head = comma < 0 ? "" : Encoding.Latin1.GetString(uri["data:".Length..comma]);
        if (!head.EndsWith(";base64", StringComparison.OrdinalIgnoreCase))
            throw value.Wrong("must read data:<type>;base64,<bytes>");
        return new(head.Split(';')[0], uri[(comma + 1)..]);
    }

    private static MediaSource.Pictures Frames(JsonCursor value, ReadOnlySpan<byte> payload)
    {
        var frames = new List<ReadOnlyMemory<byte>>();
        foreach (var range in payload.Split((byte)','))
            frames.Add(Decode(value, payload[range]));
        return new(frames);
    }

    private static byte[] Decode(JsonCursor value, ReadOnlySpan<byte> base64)
    {
        var bytes = new byte[Base64Url(base64.Length)];
        return System.Buffers.Text.Base64.DecodeFromUtf8(base64, bytes, out _, out var written) == OperationStatus.Done && written > 0
            ? written == bytes.Length ? bytes : bytes[..written]
            : throw value.Wrong("does not hold valid base64");

        static int Base64Url(int length) => System.Buffers.Text.Base64.GetMaxDecodedFromUtf8Length(length);
    }
}
