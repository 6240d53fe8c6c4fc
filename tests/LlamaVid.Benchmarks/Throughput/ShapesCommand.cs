using System.CommandLine;
using System.Text.Json.Nodes;
using LlamaVid.Benchmarks.Measures;

namespace LlamaVid.Benchmarks.Throughput;

/// <summary>The words of <c>shapes</c>: whether decoders of other sizes than the benchmark's run as near their limits. Measures nothing itself.</summary>
internal static class ShapesCommand
{
    private const int FullCeilingSize = 256, TrialCeilingSize = 32;

    public static Command Create()
    {
        var precisions = new Option<string>("--precisions") { Description = "bf16, int8, int4, f32, with commas between.", DefaultValueFactory = _ => "bf16,int8,int4" };
        var runs = new Option<int>("--runs") { Description = "Runs of each measurement, after a warm-up.", DefaultValueFactory = _ => 5 };
        var smoke = new Option<bool>("--smoke") { Description = "One layer of each, and small ceilings: for trying the command." };
        var file = new Option<string?>("--out") { Description = "A file for the document." };
        var command = new Command("shapes", "Measures decoders of usual and odd sizes beside what the machine allows.") { precisions, runs, smoke, file };
        command.SetAction(async parsed =>
        {
            var (machine, isTrial) = (Machine.Here(), parsed.GetValue(smoke));
            var ceilings = Ceilings.Measure(isTrial ? TrialCeilingSize : FullCeilingSize);
            var table = new Table(("precision", 9), ("hidden x heads, MLP, words", 28), ("prompt", 8), ("share", 6), ("1 stream", 8), ("share", 6), ("16", 8), ("share", 6));
            var results = new JsonObject();
            foreach (var precision in parsed.GetRequiredValue(precisions).Split(',').Select(Precision.Of))
            {
                var speeds = new List<ShapeSpeed>();
                foreach (var shape in DecoderShape.All)
                {
                    var speed = await ShapeSpeed.MeasureAsync(isTrial ? shape with { Layers = 1 } : shape, precision, ceilings, parsed.GetValue(runs));
                    speeds.Add(speed);
                    table.Row(precision.Name, shape.Name, speed.Prompt.Median, speed.PromptShare, speed.Decode1.Median, speed.Decode1Share, speed.Decode16.Median, speed.Decode16Share);
                }
                results[precision.Name] = Report.Json(speeds);
            }
            Report.End("shapes", machine, new { Runs = parsed.GetValue(runs) }, new() { ["ceilings"] = Report.Json(ceilings), ["shapes"] = results }, parsed.GetValue(file));
        });
        return command;
    }
}
