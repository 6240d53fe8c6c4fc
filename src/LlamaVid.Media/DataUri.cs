using System.Buffers;
using System.Buffers.Text;
using System.Text;

namespace LlamaVid.Media;

/// <summary>Reads <c>data:</c> URIs (RFC 2397, base64 only) into sources, from UTF-8 as it came over the wire: a video is too large for a string on the way. Looks at no content: that is for <see cref="MediaOpener"/>.</summary>
public static class DataUri
{
    private const int SchemeLength = 5;

    private static readonly SearchValues<byte> Alphabet = SearchValues.Create("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/="u8);

    /// <summary>Whether <see cref="Parse"/> is meant for this text rather than an address.</summary>
    public static bool IsDataUri(ReadOnlySpan<byte> text) => text.Length >= SchemeLength && Ascii.EqualsIgnoreCase(text[..SchemeLength], "data:"u8);

    /// <summary>
    /// <c>data:video/mp4;base64,…</c> or <c>data:image/png;base64,…</c> is one file; <c>data:video/jpeg;base64,A,B,…</c> are the frames of a video as separate pictures.
    /// </summary>
    /// <exception cref="InvalidDataUriException">With the place and the cure.</exception>
    /// <exception cref="PayloadTooLargeException">Found out before anything is decoded.</exception>
    public static MediaSource Parse(ReadOnlySpan<byte> text, long maxBytes)
    {
        if (!IsDataUri(text)) throw new InvalidDataUriException("it does not begin with data:.");
        var comma = text.IndexOf((byte)',');
        if (comma < 0) throw new InvalidDataUriException("there is no comma before the data; write data:video/mp4;base64,… .");

        var header = Encoding.UTF8.GetString(text[SchemeLength..comma]).Split(';');
        if (header.Length < 2 || !header[^1].Trim().Equals("base64", StringComparison.OrdinalIgnoreCase))
            throw new InvalidDataUriException("only base64 is read; write ;base64 before the comma.");
        var type = header[0].Trim();
        if (type.Length > 0 && !type.Contains('/', StringComparison.Ordinal))
            throw new InvalidDataUriException($"'{(type.Length > 40 ? type[..40] : type)}' is no media type; write video/mp4 or image/png.");

        var data = text[(comma + 1)..];
        if (!type.Equals("video/jpeg", StringComparison.OrdinalIgnoreCase)) return ParseBase64(data, maxBytes);

        Require(data, maxBytes);
        var frames = new List<MediaSource>();
        foreach (var part in data.Split((byte)','))
            frames.Add(new MediaSource.Inline(Decode(data[part], $"frame {frames.Count + 1}")));
        return new MediaSource.Pictures(frames);
    }

    /// <summary>Bare base64 as in <c>input_video.data</c>.</summary>
    /// <inheritdoc cref="Parse"/>
    public static MediaSource ParseBase64(ReadOnlySpan<byte> base64, long maxBytes)
    {
        Require(base64, maxBytes);
        return new MediaSource.Inline(Decode(base64, "the data"));
    }

    private static void Require(ReadOnlySpan<byte> base64, long maxBytes)
    {
        var atLeast = (long)base64.Length / 4 * 3 - 2;
        if (atLeast > maxBytes) throw new PayloadTooLargeException(atLeast, maxBytes);
    }

    private static byte[] Decode(ReadOnlySpan<byte> base64, string what)
    {
        if (base64.Contains((byte)'%')) base64 = Encoding.UTF8.GetBytes(Uri.UnescapeDataString(Encoding.UTF8.GetString(base64)));
        if (base64.IsEmpty) throw new InvalidDataUriException($"{what} is empty.");
        if (base64.Length % 4 != 0) throw new InvalidDataUriException($"{what} is {base64.Length} base64 characters long, which is no multiple of 4; it was cut off or lacks its = padding.");
        var odd = base64.IndexOfAnyExcept(Alphabet);
        if (odd >= 0)
            throw new InvalidDataUriException($"{what} has a character at position {odd} that is not base64; use the standard alphabet (+ and /) without spaces or line breaks.");

        var padding = base64[^1] != (byte)'=' ? 0 : base64[^2] != (byte)'=' ? 1 : 2;
        var bytes = new byte[base64.Length / 4 * 3 - padding];
        return Base64.DecodeFromUtf8(base64, bytes, out _, out var written) == OperationStatus.Done && written == bytes.Length
            ? bytes
            : throw new InvalidDataUriException($"{what} has = padding in the wrong place.");
    }
}
