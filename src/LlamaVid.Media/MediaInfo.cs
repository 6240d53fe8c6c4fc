using System.Globalization;

namespace LlamaVid.Media;

/// <summary>What a file says of its first real video stream, corrected where its packets prove it wrong.</summary>
/// <param name="Container">mp4, matroska, avi, flv, mpegts, mpeg, ogg, asf, gif, apng, png, jpeg, webp, bmp.</param>
/// <param name="Width">After rotation, as the header has it; each frame tells its own. Pixels are as stored, the sample aspect ratio is not applied.</param>
/// <param name="AverageRate">Frames per second; null for pictures.</param>
/// <param name="DeclaredFrames">What the header claims; null when it does not. Files lie.</param>
/// <param name="Packets">What the file really holds: coded frames of the stream that are to be shown. Some may not decode.</param>
/// <param name="Duration">Seconds; null for pictures.</param>
/// <param name="StartTime">Seconds; the time of the first frame, which need not be 0.</param>
/// <param name="Rotation">Degrees clockwise, as applied.</param>
/// <param name="IsPicture">One picture, or separate pictures, rather than a video. Its frames may differ in size.</param>
public sealed record MediaInfo(
    string Container, string Codec, int Width, int Height, Rational? AverageRate, long? DeclaredFrames, long Packets,
    double? Duration, double StartTime, int Rotation, bool IsPicture);

/// <summary>An exact fraction as ffprobe prints it (<c>30000/1001</c>).</summary>
public readonly record struct Rational(long Numerator, long Denominator)
{
    public double Value => (double)Numerator / Denominator;

    /// <summary>Null unless both parts are positive: ffprobe writes <c>0/0</c> for unknown.</summary>
    internal static Rational? ParsePositive(string? text)
    {
        var slash = text?.IndexOf('/') ?? -1;
        return slash > 0
            && long.TryParse(text.AsSpan(0, slash), NumberStyles.None, CultureInfo.InvariantCulture, out var numerator)
            && long.TryParse(text.AsSpan(slash + 1), NumberStyles.None, CultureInfo.InvariantCulture, out var denominator)
            && numerator > 0 && denominator > 0
            ? new(numerator, denominator)
            : null;
    }

    public override string ToString() => $"{Numerator}/{Denominator}";
}
