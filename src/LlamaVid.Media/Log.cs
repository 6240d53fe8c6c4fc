using Microsoft.Extensions.Logging;

namespace LlamaVid.Media;

/// <summary>What this library writes to the log (3000–3999). ffmpeg's own words appear here and nowhere else.</summary>
internal static partial class Log
{
    [LoggerMessage(3001, LogLevel.Debug, "ffmpeg ended with an error: {Lines}")]
    public static partial void FfmpegFailed(this ILogger logger, string lines);

    [LoggerMessage(3002, LogLevel.Error, "ffmpeg did not run.")]
    public static partial void FfmpegDidNotRun(this ILogger logger, Exception? exception);

    [LoggerMessage(3003, LogLevel.Debug, "Opened {Container}/{Codec} {Width}x{Height}, {Packets} packets, {Duration} s.")]
    public static partial void MediaOpened(this ILogger logger, string container, string codec, int width, int height, long packets, double? duration);
}
