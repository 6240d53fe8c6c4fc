using System.Diagnostics;

namespace LlamaVid.Benchmarks.Decoding;

/// <summary>A long H.264 video with moving noise, so that decoding it is work; made once.</summary>
internal static class VideoFile
{
    private const int Rate = 30, Gop = 250;                                   // x264's own

    /// <param name="seconds">a minute of it is drawn and repeated</param>
    public static async Task<string> MakeAsync(int width, int height, int seconds, CancellationToken cancellationToken)
    {
        var path = Path.Combine(ProjectFiles.Cache, $"video-{width}x{height}-{seconds}.mp4");
        if (File.Exists(path)) return path;
        var minute = Path.Combine(ProjectFiles.Cache, $"video-{width}x{height}-minute.mp4");
        if (!File.Exists(minute))
            await FfmpegAsync(minute,
                $"-f lavfi -i testsrc2=size={width}x{height}:rate={Rate}:duration=60,noise=alls=8:allf=t -pix_fmt yuv420p -c:v libx264 -preset veryfast -crf 26 -g {Gop}", cancellationToken);
        await FfmpegAsync(path, $"-stream_loop {(seconds - 1) / 60} -i {minute} -t {seconds} -c copy", cancellationToken);
        return path;
    }

    private static async Task FfmpegAsync(string path, string arguments, CancellationToken cancellationToken)
    {
        var unfinished = Path.ChangeExtension(path, ".unfinished.mp4");
        await RunAsync("ffmpeg", $"-v error -nostdin {arguments} -y {unfinished}", cancellationToken);
        File.Move(unfinished, path);
    }

    /// <returns>seconds it took</returns>
    public static async Task<double> RunAsync(string tool, string arguments, CancellationToken cancellationToken)
    {
        var begin = Stopwatch.GetTimestamp();
        using var process = Process.Start(tool, arguments);
        await process.WaitForExitAsync(cancellationToken);
        return process.ExitCode == 0 ? Stopwatch.GetElapsedTime(begin).TotalSeconds : throw new BenchmarkException($"{tool} ended with {process.ExitCode}: {arguments}");
    }
}
