using System.Text.Json.Nodes;
using LlamaVid.Training.Plots;

namespace LlamaVid.Benchmarks.Plots;

/// <summary>How cost grows with frames, streams and positions: a line for each precision.</summary>
internal static class GrowthPlots
{
    private const string Frames = "frames of the video", Streams = "streams side by side", Positions = "positions";

    public static IEnumerable<(string Name, Plot Plot)> Of(JsonObject document)
    {
        if (document["growth"] is not JsonObject growth) return [];
        return
        [
            ("growth-frames", Lines(Axes("Time to the first token about a new video", Frames, "seconds", isUpLogarithmic: true), "frames", "frames", point => point.Number("ttft", "median") / 1000)),
            ("growth-frame", Lines(Axes("Time to the first token, shared among the frames", Frames, "ms per frame", isUpLogarithmic: true), "frames", "frames", point => point.Number("ttft_per_frame", "median"))),
            ("growth-streams", Limits(Lines(Axes("Tokens of all streams", Streams, "tokens/s", isUpLogarithmic: true), "streams", "streams", point => point.Number("tokens_s", "median")))),
            ("growth-step", Lines(Axes("From one token of a stream to its next", Streams, "ms"), "streams", "streams", point => point.Number("step_ms", "p50"))),
            ("growth-prefill", Lines(Axes("Computing a prompt", Positions, "positions/s"), "context", "positions", point => point.Number("prefill_s", "median"))),
            ("growth-context", Lines(Axes("One stream, from one token to the next", Positions, "ms"), "context", "positions", point => point.Number("step_ms", "median"))),
        ];

        Plot Lines(Plot plot, string over, string across, Func<JsonNode?, double?> up)
        {
            foreach (var (precision, figures) in growth) plot.Line(precision, Points(figures![over]!, across, up), hasMarkers: true);
            return plot;
        }

        Plot Limits(Plot plot)
        {
            foreach (var (precision, figures) in growth) plot.Line($"{precision}, limit", Points(figures!["streams"]!, "streams", point => point.Number("limit")));
            return plot;
        }
    }

    /// <summary>Costs begin at 0, unless they are compared over powers of ten.</summary>
    private static Plot Axes(string title, string across, string up, bool isUpLogarithmic = false) =>
        Plot.OverNumbers(title, across, up, isUpLogarithmic ? null : (0, double.NaN), isLogarithmic: true, isUpLogarithmic);

    private static IEnumerable<(double X, double Y)> Points(JsonNode points, string across, Func<JsonNode?, double?> up) =>
        points.AsArray().Select(point => (point.Number(across)!.Value, up(point)!.Value));
}
