using System.Buffers;

namespace LlamaVid.Media;

/// <summary>Reads <c>data:</c> URIs (RFC 2397, base64 only) into sources. Looks at no content: that is for <see cref="MediaOpener"/>.</summary>
public static class DataUri
{
    private const string Scheme = "data:";

    private static readonly SearchValues<char> Alphabet = SearchValues.Create("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/=");

    /// <summary>Whether <see cref="Parse"/> is meant for this text rather than an address.</summary>
    public static bool IsDataUri(string text) => text.StartsWith(Scheme, StringComparison.OrdinalIgnoreCase);

    /// <summary>
    /// <c>data:video/mp4;base64,…</c> or <c>data:image/png;base64,…</c> is one file; <c>data:video/jpeg;base64,A,B,…</c> are the frames of a video as separate pictures.
    /// </summary>
    /// <exception cref="InvalidDataUriException">With the place and the cure.</exception>
    /// <exception cref="PayloadTooLargeException">Found out before anything is decoded.</exception>
    public static MediaSource Parse(string text, long maxBytes)
    {
        if (!IsDataUri(text)) throw new InvalidDataUriException("it does not begin with data:.");
        var comma = text.IndexOf(',', StringComparison.Ordinal);
        if (comma < 0) throw new InvalidDataUriException("there is no comma before the data; write data:video/mp4;base64,… .");

        var header = text[Scheme.Length..comma].Split(';');
        if (header.Length < 2 || !header[^1].Trim().Equals("base64", StringComparison.OrdinalIgnoreCase))
            throw new InvalidDataUriException("only base64 is read; write ;base64 before the comma.");
        var type = header[0].Trim();
        if (type.Length > 0 && !type.Contains('/', StringComparison.Ordinal))
            throw new InvalidDataUriException($"'{(type.Length > 40 ? type[..40] : type)}' is no media type; write video/mp4 or image/png.");

        var data = text.AsMemory(comma + 1);
        if (!type.Equals("video/jpeg", StringComparison.OrdinalIgnoreCase))
        {
            Require(data.Span, maxBytes);
            return new MediaSource.Inline(Decode(data.Span, "the data"));
        }

        Require(data.Span, maxBytes);
        var frames = new List<ReadOnlyMemory<byte>>();
        foreach (var part in data.Span.Split(','))
            frames.Add(Decode(data.Span[part], $"frame {frames.Count + 1}"));
        return new MediaSource.Pictures(frames);
    }

    /// <summary>Bare base64 as in <c>input_video.data</c>.</summary>
    /// <inheritdoc cref="Parse"/>
    public static MediaSource ParseBase64(string base64, long maxBytes)
    {
        Require(base64, maxBytes);
        return new MediaSource.Inline(Decode(base64, "the data"));
    }

    private static void Require(ReadOnlySpan<char> base64, long maxBytes)
    {
        var atLeast = (long)base64.Length / 4 * 3 - 2;
        if (atLeast > maxBytes) throw new PayloadTooLargeException(atLeast, maxBytes);
    }

    private static byte[] Decode(ReadOnlySpan<char> base64, string what)
    {
        if (base64.Contains('%')) base64 = Uri.UnescapeDataString(base64);
        if (base64.IsEmpty) throw new InvalidDataUriException($"{what} is empty.");
        if (base64.Length % 4 != 0) throw new InvalidDataUriException($"{what} is {base64.Length} base64 characters long, which is no multiple of 4; it was cut off or lacks its = padding.");
        var odd = base64.IndexOfAnyExcept(Alphabet);
        if (odd >= 0)
            throw new InvalidDataUriException($"{what} has a character at position {odd} that is not base64; use the standard alphabet (+ and /) without spaces or line breaks.");

        var padding = base64[^1] != '=' ? 0 : base64[^2] != '=' ? 1 : 2;
        var bytes = new byte[base64.Length / 4 * 3 - padding];
        return Convert.TryFromBase64Chars(base64, bytes, out var written) && written == bytes.Length
            ? bytes
            : throw new InvalidDataUriException($"{what} has = padding in the wrong place.");
    }
}
