using System.Globalization;
using System.Text;
using System.Text.Json;
using System.Text.Json.Serialization;

namespace LlamaVid.Media;

/// <summary>ffprobe's account of a file, read with suspicion. <see cref="Parse"/> is pure. Decodes nothing itself.</summary>
internal static class VideoProbe
{
    private const string Shown =
        "-of json -show_entries format=duration,nb_streams:stream=index,codec_type,codec_name,codec_tag_string,width,height,pix_fmt," +
        "avg_frame_rate,r_frame_rate,nb_frames,duration,time_base:stream_disposition=attached_pic,timed_thumbnails,default,forced:stream_tags=language:stream_side_data=displaymatrix";

    private const int MaxOutputLines = 200_000, LongestLanguage = 35;
    private static readonly JsonSerializerOptions Lenient = new() { NumberHandling = JsonNumberHandling.AllowReadingFromString };

    public static async Task<ProbedStream> RunAsync(
        FfmpegTools tools, Workspace workspace, MediaFormat format, MediaOptions options, CancellationToken cancellationToken)
    {
        // A picture may say only inside its first frame (EXIF) how it is to be turned.
        var what = format.IsPicture ? $"-read_intervals %+#1 {Shown}:frame_side_data=displaymatrix" : Shown;
        var (json, lines) = (new StringBuilder(), 0);
        var exitCode = await tools.ProbeAsync(workspace, format, what, line =>
        {
            json.AppendLine(line);
            return ++lines < MaxOutputLines;
        }, cancellationToken).ConfigureAwait(false);
        if (exitCode != 0)
            throw new VideoUnreadableException($"its {format.Name} structure is damaged, truncated or encrypted. Check that it plays, or convert it again.");
        return Parse(json.ToString(), options);
    }

    /// <exception cref="VideoUnreadableException">No video stream, nothing that can be decoded, or output that is not JSON (ffprobe does that on some files).</exception>
    /// <exception cref="VideoTooLargeException">Too many streams or pixels.</exception>
    public static ProbedStream Parse(string json, MediaOptions options)
    {
        Output? output;
        try
        {
            output = JsonSerializer.Deserialize<Output>(json, Lenient);
        }
        catch (JsonException)
        {
            output = null;
        }
        if (output is null) throw new VideoUnreadableException("its structure is damaged. Check that it plays, or convert it again.");

        var streamCount = Math.Max(output.Format?.StreamCount ?? 0, output.Streams.Count);
        if (streamCount > options.MaxStreams) throw VideoTooLargeException.OfStreams(streamCount, options.MaxStreams);

        var stream = output.Streams.Find(stream => stream.CodecType == "video" && stream.Disposition is not { AttachedPicture: 1 } and not { TimedThumbnails: 1 })
            ?? throw new VideoUnreadableException(output.Streams.Exists(stream => stream.CodecType == "audio")
                ? "it holds sound but no video stream. Send a file with pictures."
                : "it holds no video stream.");
        if (stream.Tag is "encv" or "drmi") throw new VideoUnreadableException("its video stream is encrypted. Send it without protection.");
        if (stream.CodecName is null or "unknown" || stream.Width <= 0 || stream.Height <= 0)
            throw new VideoUnreadableException(
                $"there is no decoder here for its video stream, or its frames are far beyond {options.MaxPixels} pixels (Media:MaxPixels). Convert it to H.264, H.265, VP8, VP9 or AV1, or scale it down.");
        if ((long)stream.Width * stream.Height > options.MaxPixels)
            throw VideoTooLargeException.OfPixels(stream.Width, stream.Height, options.MaxPixels);

        var matrices = stream.SideData.Concat(output.Frames.SelectMany(frame => frame.SideData)).Select(data => DisplayMatrix.Parse(data.DisplayMatrix));
        return new(
            stream.Index, stream.CodecName, stream.Width, stream.Height, PixelFormat(stream.PixelFormat),
            Rational.ParsePositive(stream.AverageRate) ?? Rational.ParsePositive(stream.RealRate),
            Rational.ParsePositive(stream.TimeBase) ?? throw new VideoUnreadableException("its time base is damaged."),
            long.TryParse(stream.FrameCount, NumberStyles.None, CultureInfo.InvariantCulture, out var frames) ? frames : null,
            Seconds(stream.Duration) ?? Seconds(output.Format?.Duration),
            matrices.FirstOrDefault(matrix => matrix is not null))
        {
            SubtitleTracks = [.. output.Streams.Where(track => track.CodecType == "subtitle").Select(track =>
                new ProbedTrack(track.Index, track.CodecName ?? "unknown", track.Disposition is { Default: 1 }, track.Disposition is { Forced: 1 }, Language(track.Tags?.Language)))],
        };
    }

    private static double? Seconds(string? text) =>
        double.TryParse(text, NumberStyles.Float, CultureInfo.InvariantCulture, out var seconds) && double.IsFinite(seconds) && seconds > 0 ? seconds : null;

    // Goes into a filter description, so nothing but a plain name may pass.
    private static string? PixelFormat(string? name) => name is not (null or "unknown") && name.All(char.IsAsciiLetterOrDigit) ? name : null;

    // The file's own words; "und" is how MP4 says that it does not say.
    private static string? Language(string? tag) =>
        tag is { Length: > 0 and <= LongestLanguage } and not "und" && tag.All(c => char.IsAsciiLetterOrDigit(c) || c == '-') ? tag : null;

    private sealed record Output(
        [property: JsonPropertyName("format")] Format? Format)
    {
        [JsonPropertyName("streams")] public List<Stream> Streams { get; init; } = [];
        [JsonPropertyName("frames")] public List<Frame> Frames { get; init; } = [];
    }

    private sealed record Format([property: JsonPropertyName("duration")] string? Duration, [property: JsonPropertyName("nb_streams")] int StreamCount);

    private sealed record Frame
    {
        [JsonPropertyName("side_data_list")] public List<SideData> SideData { get; init; } = [];
    }

    private sealed record Stream(
        [property: JsonPropertyName("index")] int Index,
        [property: JsonPropertyName("codec_type")] string? CodecType,
        [property: JsonPropertyName("codec_name")] string? CodecName,
        [property: JsonPropertyName("codec_tag_string")] string? Tag,
        [property: JsonPropertyName("width")] int Width,
        [property: JsonPropertyName("height")] int Height,
        [property: JsonPropertyName("pix_fmt")] string? PixelFormat,
        [property: JsonPropertyName("avg_frame_rate")] string? AverageRate,
        [property: JsonPropertyName("r_frame_rate")] string? RealRate,
        [property: JsonPropertyName("nb_frames")] string? FrameCount,
        [property: JsonPropertyName("duration")] string? Duration,
        [property: JsonPropertyName("time_base")] string? TimeBase,
        [property: JsonPropertyName("disposition")] Disposition? Disposition,
        [property: JsonPropertyName("tags")] Tags? Tags)
    {
        [JsonPropertyName("side_data_list")] public List<SideData> SideData { get; init; } = [];
    }

    private sealed record Disposition(
        [property: JsonPropertyName("attached_pic")] int AttachedPicture,
        [property: JsonPropertyName("timed_thumbnails")] int TimedThumbnails,
        [property: JsonPropertyName("default")] int Default,
        [property: JsonPropertyName("forced")] int Forced);

    private sealed record Tags([property: JsonPropertyName("language")] string? Language);

    private sealed record SideData([property: JsonPropertyName("displaymatrix")] string? DisplayMatrix);
}

/// <summary>The first real video stream as its header has it.</summary>
/// <param name="PixelFormat">ffmpeg's name; null when unknown before decoding.</param>
/// <param name="DeclaredDuration">Seconds.</param>
internal sealed record ProbedStream(
    int Index, string Codec, int CodedWidth, int CodedHeight, string? PixelFormat, Rational? Rate, Rational TimeBase,
    long? DeclaredFrames, double? DeclaredDuration, DisplayMatrix? Matrix)
{
    /// <summary>All of the file's, in its order.</summary>
    public IReadOnlyList<ProbedTrack> SubtitleTracks { get; init; } = [];
}

/// <summary>A subtitle track as its header has it.</summary>
/// <param name="Index">among all streams of the file, from 0</param>
/// <param name="Codec">ffmpeg's name</param>
/// <param name="IsForced">only what must be read even by those who understand the sound</param>
/// <param name="Language">as the file says it, mostly ISO 639; null when it does not</param>
public sealed record ProbedTrack(int Index, string Codec, bool IsDefault, bool IsForced, string? Language = null);
