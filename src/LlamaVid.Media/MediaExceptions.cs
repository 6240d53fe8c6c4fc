namespace LlamaVid.Media;

/// <summary>The content is not of a kind that is decoded here. Decided by the bytes, never by a name.</summary>
public sealed class UnsupportedMediaException(string found)
    : Exception($"The media content is {found}, which is not accepted. Send {MediaFormat.Accepted}.")
{
    public string Found { get; } = found;
}

/// <summary>The kind is right, but no frame can be had from it.</summary>
public sealed class VideoUnreadableException(string why) : Exception($"The video could not be read: {why}")
{
    public string Why { get; } = why;
}

/// <summary>An address could not be fetched, or may not be.</summary>
public sealed class VideoFetchFailedException(Uri url, string why) : Exception($"The media at {Shown(url)} could not be fetched: {why}")
{
    public Uri Url { get; } = url;
    public string Why { get; } = why;

    private const int MaxShown = 200;

    // Without user, query and fragment: those may hold secrets, and messages are logged.
    private static string Shown(Uri url)
    {
        if (!url.IsAbsoluteUri) return "that address";
        var shown = $"{url.Scheme}://{url.Authority}{url.AbsolutePath}";
        return shown.Length <= MaxShown ? shown : $"{shown[..MaxShown]}…";
    }
}

/// <summary>An address that a client named may not be reached. Who meant to reach it says what for.</summary>
public sealed class AddressRefusedException(Uri url, string why) : Exception(why)
{
    public Uri Url { get; } = url;
    public string Why { get; } = why;
}

/// <summary>More time or more frames than are taken from one video.</summary>
public sealed class VideoTooLongException : Exception
{
    private VideoTooLongException(string message, double needed, double limit) : base(message) => (Needed, Limit) = (needed, limit);

    public double Needed { get; }
    public double Limit { get; }

    internal static VideoTooLongException OfDuration(double seconds, TimeSpan limit) => new(
        $"The video is {seconds:0.###} s long and the limit is {limit.TotalSeconds:0.###} s (Media:MaxDuration). Send a shorter one, or cut it into parts.",
        seconds, limit.TotalSeconds);

    internal static VideoTooLongException OfFrames(long frames, int limit) => new(
        $"This would take {frames} frames and the limit is {limit} (Media:MaxFrames). Lower fps, set max_frames, or choose a range with start and end.",
        frames, limit);

    internal static VideoTooLongException OfMaxFrames(int asked, int limit) => new(
        $"max_frames is {asked} and the limit is {limit} (Media:MaxFrames). Ask for fewer frames.", asked, limit);

    internal static VideoTooLongException OfPictures(int pictures, int limit) => new(
        $"The video has {pictures} pictures and the limit is {limit} (Media:MaxFrames). Send fewer.", pictures, limit);
}

/// <summary>Frames too large, or too many streams, to be decoded safely.</summary>
public sealed class VideoTooLargeException : Exception
{
    private VideoTooLargeException(string message, long needed, long limit) : base(message) => (Needed, Limit) = (needed, limit);

    public long Needed { get; }
    public long Limit { get; }

    internal static VideoTooLargeException OfPixels(long width, long height, int limit) => new(
        $"The frames are {width} x {height}, {width * height} pixels, and the limit is {limit} (Media:MaxPixels). Scale the video down.", width * height, limit);

    internal static VideoTooLargeException OfCpuTime(TimeSpan limit) => new(
        $"Decoding it takes more than {limit.TotalSeconds:0} s of processor time, the limit (Media:DecoderCpuTime), or more memory than there is. Send a shorter or smaller video, or ask for a part of it (start, end).",
        (long)limit.TotalSeconds, (long)limit.TotalSeconds);

    internal static VideoTooLargeException OfStreams(int streams, int limit) => new(
        $"The file has {streams} streams and the limit is {limit} (Media:MaxStreams). Send only the video stream.", streams, limit);
}

/// <summary>More bytes than are accepted for one video or picture.</summary>
/// <param name="bytes">Null when reading stopped at the limit.</param>
public sealed class PayloadTooLargeException(long? bytes, long limit) : Exception(
    $"The media has {(bytes is null ? "more bytes" : $"{bytes} bytes")} and the limit is {limit} bytes (Media:MaxBytes). Send a smaller or more strongly compressed file.")
{
    public long? Bytes { get; } = bytes;
    public long Limit { get; } = limit;
}

/// <summary>A data URI that does not follow its grammar.</summary>
public sealed class InvalidDataUriException(string why) : Exception($"The data URI is not valid: {why}")
{
    public string Why { get; } = why;
}

/// <summary>Temporary files cannot be made where they should be. The operator's to mend, never a client's.</summary>
public sealed class TemporaryFolderUnusableException(string folder, Exception cause)
    : Exception($"No file can be made in {folder}. Make it writable, or set Media:TempDirectory to a folder that is.", cause)
{
    public string Folder { get; } = folder;
}

/// <summary>Decoders are to run without network, and this system does not let them. The operator's to mend, never a client's.</summary>
public sealed class IsolationUnavailableException()
    : Exception("Media:Isolation is Required, and 'unshare --user --net' does not work here. Allow user namespaces, install util-linux, or set Media:Isolation to Auto.");

/// <summary>ffmpeg or ffprobe is not on this machine. The operator's to mend, never a client's.</summary>
public sealed class FfmpegNotFoundException(string tool, string folder)
    : Exception($"{tool} was not found in {(folder.Length > 0 ? folder : "PATH")}. Install ffmpeg (apt-get install ffmpeg) or set Media:FfmpegPath to its folder.");

/// <summary>A subtitle file could not be read. The message names the line.</summary>
public sealed class SubtitlesUnreadableException(int line, string why) : Exception($"Line {line} of the subtitles {why}.")
{
    public int Line { get; } = line;
}

/// <summary>A video was to be shown with the subtitles that are in its file, and there are none that can be read.</summary>
public sealed class SubtitleTrackException(string why)
    : Exception($"The video's own subtitles cannot be shown: {why} Send them as a subtitles part, or leave use_subtitles out.")
{
    public string Why { get; } = why;
}
