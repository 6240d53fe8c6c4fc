using System.Diagnostics;
using LlamaVid.Benchmarks.Measures;
using LlamaVid.Media;
using LlamaVid.Model.Vision;
using LlamaVid.Training.Pretraining;
using Microsoft.Extensions.Logging.Abstractions;

namespace LlamaVid.Benchmarks.Decoding;

/// <summary>How long a video takes from its file to pictures that are ready for the tower, against a plain decoder on the same file; by turns.</summary>
/// <param name="Plain">seconds of <c>ffmpeg -threads 2 -i FILE -f null -</c></param>
/// <param name="Sampled">seconds of one frame per second, prepared for the tower, opening included; the hash is known, as of an upload</param>
/// <param name="KeyFrames">the same with the nearest key frames</param>
/// <param name="OverPlain">the median of <c>Sampled</c> over that of <c>Plain</c></param>
/// <param name="KeyFrameGain">how many times faster key frames are</param>
/// <param name="BeyondMb">growth of peak memory while reading</param>
internal sealed record VideoSpeed(Repeated Plain, Repeated Sampled, Repeated KeyFrames, double OverPlain, double KeyFrameGain, long SampledFrames, long KeyFramesTaken, double BeyondMb)
{
    public static async Task<VideoSpeed> MeasureAsync(string path, int runs, CancellationToken cancellationToken)
    {
        using var opener = new MediaOpener(new() { MaxBytes = 1L << 40, MaxDuration = TimeSpan.FromDays(1), MaxFrames = 100_000 }, NullLogger.Instance);
        var preprocessor = ImagePreprocessor.Read(Path.Combine(ProjectFiles.DefaultModel, ModelSizes.TowerFolder, "preprocessor_config.json"));
        var crop = new byte[3 * preprocessor.ImageSize * preprocessor.ImageSize];
        var (plain, sampled, keys) = (new List<double>(), new List<double>(), new List<double>());
        var (frames, taken, before) = (0L, 0L, 0.0);
        for (var run = -1; run < runs; run++)
        {
            var alone = await VideoFile.RunAsync("ffmpeg", $"-v error -nostdin -threads 2 -i {path} -f null -", cancellationToken);
            if (run < 0) before = new ProcessWatch(Environment.ProcessId).PeakMegabytes;
            var (all, count) = await ReadAsync(new());
            var (few, keyCount) = await ReadAsync(new() { KeyFrames = true });
            if (run < 0) continue;
            (frames, taken) = (count, keyCount);
            plain.Add(alone);
            sampled.Add(all);
            keys.Add(few);
        }
        var (a, b, c) = (Repeated.Of(plain), Repeated.Of(sampled), Repeated.Of(keys));
        return new(a, b, c, b.Median / a.Median, b.Median / c.Median, frames, taken, new ProcessWatch(Environment.ProcessId).PeakMegabytes - before);

        async Task<(double Seconds, long Frames)> ReadAsync(FrameSampling sampling)
        {
            var (begin, count) = (Stopwatch.GetTimestamp(), 0L);
            await using var media = await opener.OpenAsync(new MediaSource.LocalFile(path, ContentHash: "known"), cancellationToken);
            await foreach (var frame in media.ReadFramesAsync(media.Plan(sampling), cancellationToken))
                using (frame)
                {
                    preprocessor.Prepare(frame.Rgb24.Span, frame.Width, frame.Height, ImageFit.Crop, crop);
                    count++;
                }
            return (Stopwatch.GetElapsedTime(begin).TotalSeconds, count);
        }
    }
}
