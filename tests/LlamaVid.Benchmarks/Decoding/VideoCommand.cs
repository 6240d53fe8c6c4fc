using System.CommandLine;
using LlamaVid.Benchmarks.Measures;

namespace LlamaVid.Benchmarks.Decoding;

/// <summary>The words of <c>video</c>. Measures nothing itself.</summary>
internal static class VideoCommand
{
    public static Command Create()
    {
        var seconds = new Option<int>("--seconds") { Description = "Length of the video.", DefaultValueFactory = _ => 300 };
        var height = new Option<int>("--height") { Description = "Lines of the video, 16:9.", DefaultValueFactory = _ => 1080 };
        var runs = new Option<int>("--runs") { Description = "Runs of each way, after a warm-up.", DefaultValueFactory = _ => 3 };
        var file = new Option<string?>("--out") { Description = "A file for the document." };
        var command = new Command("video", "Reads a video at one frame per second and by its key frames, beside ffmpeg decoding the same file.") { seconds, height, runs, file };
        command.SetAction(async (parsed, cancellationToken) =>
        {
            var (lines, length) = (parsed.GetValue(height), parsed.GetValue(seconds));
            var width = lines * 16 / 9 / 2 * 2;
            var path = await VideoFile.MakeAsync(width, lines, length, cancellationToken);
            var machine = Machine.Here();
            var speed = await VideoSpeed.MeasureAsync(path, parsed.GetValue(runs), cancellationToken);
            var table = new Table(("what", 34), ("seconds", 9), ("min", 8), ("max", 8), ("frames", 7));
            table.Row("ffmpeg alone", speed.Plain.Median, speed.Plain.Min, speed.Plain.Max, null);
            table.Row("one frame per second", speed.Sampled.Median, speed.Sampled.Min, speed.Sampled.Max, (double)speed.SampledFrames);
            table.Row("key frames", speed.KeyFrames.Median, speed.KeyFrames.Min, speed.KeyFrames.Max, (double)speed.KeyFramesTaken);
            table.Row("sampling over ffmpeg", speed.OverPlain);
            table.Row("key frames, times faster", speed.KeyFrameGain);
            Report.End("video", machine, new { Width = width, Height = lines, Seconds = length }, new() { ["video"] = Report.Json(speed) }, parsed.GetValue(file));
        });
        return command;
    }
}
