namespace LlamaVid.Media;

/// <summary>What a caller may point at. Nothing here has been opened, checked or downloaded yet.</summary>
public abstract record MediaSource
{
    private MediaSource() { }

    /// <summary>A file that the server itself wrote (an upload) or that the operator named. Never a path from a client. Its bytes stay as they are while it is open: what is found in them is remembered by their hash.</summary>
    /// <param name="ContentHash">SHA-256 of its bytes, lower-case hexadecimal, where it is known and cannot change: then they are not read to compute it.</param>
    public sealed record LocalFile(string Path, string? ContentHash = null) : MediaSource;

    /// <summary>The bytes of one video or image, as from a data URI.</summary>
    public sealed record Inline(ReadOnlyMemory<byte> Bytes) : MediaSource;

    /// <summary>An http or https address, fetched under the rules of <see cref="MediaOptions"/>.</summary>
    public sealed record Remote(Uri Url) : MediaSource;

    /// <summary>The frames of a video as separate encoded pictures, in order.</summary>
    /// <param name="Frames">each <see cref="Inline"/> or <see cref="Remote"/></param>
    public sealed record Pictures(IReadOnlyList<MediaSource> Frames) : MediaSource;
}
