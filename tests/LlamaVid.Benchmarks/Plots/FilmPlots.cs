using System.Text.Json.Nodes;
using LlamaVid.Training.Plots;

namespace LlamaVid.Benchmarks.Plots;

/// <summary>Reading videos, and a long one that is taken in beside other clients.</summary>
internal static class FilmPlots
{
    public static IEnumerable<(string Name, Plot Plot)> Of(JsonObject document)
    {
        if (document["while_film"] is JsonObject film)
        {
            var tenths = film["frame_ms"]!.AsArray().Select(cost => cost.Number()).ToArray();
            yield return ("film-frame", ResultPlots.Bars(
                $"A film of {film.Number("frames")} frames, tenth by tenth", [.. Enumerable.Range(1, tenths.Length).Select(tenth => $"{tenth}")], "ms per frame", ("measured", tenths)));
            yield return ("film-neighbours", ResultPlots.Bars(
                "Other clients while it is taken in", ["p50", "p90", "p99"], "ms between two tokens", ("before", Gaps(film["gaps_before"])), ("during", Gaps(film["gaps_during"]))));
        }
        if (document["video"] is JsonObject video)
            yield return ("video", ResultPlots.Bars(
                $"Reading {document.Number("options", "seconds")} s of video of {document.Number("options", "height")} lines", ["all frames decoded, ffmpeg", "one frame per second", "nearest key frames"], "seconds",
                ("measured", [video.Number("plain", "median"), video.Number("sampled", "median"), video.Number("key_frames", "median")])));

        static double?[] Gaps(JsonNode? gaps) => [gaps.Number("p50"), gaps.Number("p90"), gaps.Number("p99")];
    }
}
