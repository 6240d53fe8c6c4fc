using System.CommandLine;
using System.Text.Json.Nodes;
using LlamaVid.Benchmarks.Measures;
using LlamaVid.Benchmarks.Throughput;

namespace LlamaVid.Benchmarks.Start;

/// <summary>The words of <c>start</c>. Measures nothing itself.</summary>
internal static class StartCommand
{
    public static Command Create()
    {
        var size = ModelCommand.Size("5gb");
        var precisions = new Option<string>("--precisions") { Description = "In which the generated model is loaded.", DefaultValueFactory = _ => "bf16,int8" };
        var runs = new Option<int>("--runs") { Description = "Starts of each kind.", DefaultValueFactory = _ => 3 };
        var clips = new Option<int>("--clips") { Description = "New videos that each server of the default model is asked about.", DefaultValueFactory = _ => 5 };
        var file = new Option<string?>("--out") { Description = "A file for the document." };
        var command = new Command("start", "Starts servers, with the files' pages in memory and not, beside reading the same files; and asks new ones about new videos.")
        {
            size, precisions, runs, clips, file,
        };
        command.SetAction(async (parsed, cancellationToken) =>
        {
            var (shape, count) = (ModelCommand.Shape(parsed.GetRequiredValue(size), "tiny"), parsed.GetValue(runs));
            await ModelCommand.MakeAsync(shape, cancellationToken);
            var machine = Machine.Here();
            var table = new Table(("what", 34), ("seconds", 9), ("min", 8), ("max", 8), ("over reading", 12), ("peak MB", 8));
            var folder = BenchModel.Folder(shape);
            var reading = await FileReading.MeasureAsync(folder, count);
            table.Row($"reading {reading.Gigabytes:0.0} GB from the disk", reading.Disk.Median, reading.Disk.Min, reading.Disk.Max);
            table.Row("reading them from memory", reading.Memory.Median, reading.Memory.Min, reading.Memory.Max);
            var starts = new JsonObject();
            foreach (var precision in parsed.GetRequiredValue(precisions).Split(',').Select(Precision.Of))
            {
                var start = await ModelStart.MeasureAsync(folder, precision, reading, count, cancellationToken);
                starts[precision.Name] = Report.Json(start);
                table.Row($"{precision.Name}, files on the disk", start.Cold.Median, start.Cold.Min, start.Cold.Max, start.ColdOverDisk, start.PeakMb);
                table.Row($"{precision.Name}, files in memory", start.Warm.Median, start.Warm.Min, start.Warm.Max, start.WarmOverMemory, null);
            }
            var first = await FirstAnswers.MeasureAsync(count, parsed.GetValue(clips), cancellationToken);
            table.Row("default model, ready", first.Ready.Median, first.Ready.Min, first.Ready.Max, null, first.PeakMb);
            table.Row("first clip of a process", first.FirstTtft.Median / 1000, first.FirstTtft.Min / 1000, first.FirstTtft.Max / 1000);
            table.Row("later new clips", first.Ttft.Median / 1000, first.Ttft.Min / 1000, first.Ttft.Max / 1000);
            Report.End("start", machine, new { Model = shape.Name, Runs = count }, new()
            {
                ["reading"] = Report.Json(reading), ["start"] = starts, ["default_model"] = Report.Json(first),
            }, parsed.GetValue(file));
        });
        return command;
    }
}
