using Microsoft.Extensions.Logging;

namespace LlamaVid.Media;

/// <summary>What this library writes to the log (3000–3999). ffmpeg's own words appear here and nowhere else.</summary>
internal static partial class Log
{
    [LoggerMessage(3001, LogLevel.Debug, "ffmpeg ended with an error: {Lines}")]
    public static partial void FfmpegFailed(this ILogger logger, string lines);

    [LoggerMessage(3002, LogLevel.Information, "Decoders run in namespaces of their own, without network.")]
    public static partial void DecodersAreIsolated(this ILogger logger);

    [LoggerMessage(3004, LogLevel.Warning, "Decoders run without namespaces of their own, because this system does not give any to this user; a hole in ffmpeg could reach the network. Media:Isolation Required refuses to start like this.")]
    public static partial void DecodersAreNotIsolated(this ILogger logger);

    [LoggerMessage(3003, LogLevel.Debug, "Opened {Container}/{Codec} {Width}x{Height}, {Packets} packets, {Duration} s.")]
    public static partial void MediaOpened(this ILogger logger, string container, string codec, int width, int height, long packets, double? duration);
}
