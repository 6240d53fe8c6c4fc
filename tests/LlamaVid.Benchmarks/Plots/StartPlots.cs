using System.Text.Json.Nodes;
using LlamaVid.Training.Plots;

namespace LlamaVid.Benchmarks.Plots;

/// <summary>How long servers take until they are ready, and a new one's first answers.</summary>
internal static class StartPlots
{
    public static IEnumerable<(string Name, Plot Plot)> Of(JsonObject document)
    {
        if (document["start"] is JsonObject start && document["reading"] is { } reading)
            yield return ("start", ResultPlots.Bars(
                $"Until a server is ready with {reading.Number("gigabytes"):0.0} GB of weights", ["reading the files", .. start.Select(precision => precision.Key)], "seconds",
                ("files on the disk", [reading.Number("disk", "median"), .. start.Select(precision => precision.Value.Number("cold", "median"))]),
                ("files in memory", [reading.Number("memory", "median"), .. start.Select(precision => precision.Value.Number("warm", "median"))])));
        if (document["default_model"] is JsonObject small)
            yield return ("first-answer", ResultPlots.Bars(
                "The default model, clips of ten seconds that are new", ["first question of a process", "later questions"], "ms to the first text",
                ("goal", [400, 400]), ("measured", [small.Number("first_ttft", "median"), small.Number("ttft", "median")])));
    }
}
