using System.Globalization;

namespace LlamaVid.Media;

/// <summary>How a video wants to be turned and mirrored for display, with the filters ffmpeg itself would insert for it.</summary>
/// <remarks>
/// ffmpeg's own <c>-autorotate</c> is off for videos because it goes with rebuilding the filters when a frame's size changes, which restarts the frame count.
/// The decision table is that of ffmpeg's configure_input_video_filter; a test holds both to the same bytes.
/// </remarks>
internal sealed record DisplayMatrix
{
    /// <summary>ffmpeg filters to be applied before conversion to RGB; empty when there is nothing to do.</summary>
    public required string Filters { get; init; }

    /// <summary>Degrees clockwise, 0 … 359.</summary>
    public required int Rotation { get; init; }

    public required bool SwapsSides { get; init; }

    /// <param name="text">As ffprobe prints it: three lines of an offset and three integers. A matrix that makes no sense counts as none.</param>
    public static DisplayMatrix? Parse(string? text)
    {
        var values = (text ?? "").Split('\n', StringSplitOptions.RemoveEmptyEntries)
            .SelectMany(line => line[(line.IndexOf(':', StringComparison.Ordinal) + 1)..].Split(' ', StringSplitOptions.RemoveEmptyEntries))
            .Select(word => int.TryParse(word, NumberStyles.AllowLeadingSign, CultureInfo.InvariantCulture, out var value) ? value : (int?)null)
            .ToArray();
        if (values.Length != 9 || values.Contains(null)) return null;

        double a = values[0]!.Value, b = values[1]!.Value, c = values[3]!.Value, d = values[4]!.Value;
        var (scaleX, scaleY) = (double.Hypot(a, c), double.Hypot(b, d));
        if (scaleX == 0 || scaleY == 0) return null;
        var degrees = Math.Round(Math.Atan2(b / scaleY, a / scaleX) * 180 / Math.PI, MidpointRounding.AwayFromZero);
        degrees -= 360 * Math.Floor(degrees / 360 + 0.9 / 360);

        var filters = degrees switch
        {
            90 => $"transpose={(c > 0 ? "cclock_flip" : "clock")}",
            180 => string.Join(',', new[] { a < 0 ? "hflip" : null, d < 0 ? "vflip" : null }.OfType<string>()),
            270 => $"transpose={(c < 0 ? "clock_flip" : "cclock")}",
            0 => d < 0 ? "vflip" : "",
            _ => string.Create(CultureInfo.InvariantCulture, $"rotate={degrees:F6}*PI/180"),
        };
        return new() { Filters = filters, Rotation = (int)degrees, SwapsSides = degrees is 90 or 270 };
    }
}
