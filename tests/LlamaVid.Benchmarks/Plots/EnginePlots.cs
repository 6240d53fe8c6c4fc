using System.Text.Json.Nodes;
using LlamaVid.Training.Plots;

namespace LlamaVid.Benchmarks.Plots;

/// <summary>The figures of <c>engine</c>: each precision beside what the machine allows and beside another engine, all of one run.</summary>
internal static class EnginePlots
{
    private const string Limit = "limit", Measured = "measured";

    private static readonly string[] NotFigures = ["spread", "limits", "inter_token_ms"];

    public static IEnumerable<(string Name, Plot Plot)> Of(JsonObject document)
    {
        if (document["bench1b"] is JsonObject text)
            foreach (var figure in text.SelectMany(precision => precision.Value!.AsObject()).Select(field => field.Key).Except(NotFigures))
                yield return (figure, Text(document, text, figure));
        foreach (var tower in new[] { "eva_g" })
            if (document[tower] is JsonObject frames)
                yield return ("tower", ResultPlots.Bars("EVA-ViT-g alone", [.. frames.Select(precision => precision.Key)], "frames/s",
                    (Limit, [.. frames.Select(precision => precision.Value.Number("frames_s") / precision.Value.Number("of_peak"))]),
                    (Measured, [.. frames.Select(precision => precision.Value.Number("frames_s"))])));
        if (document["server"] is JsonObject server)
            yield return ("server", ResultPlots.Bars("16 streams through the server", ["tokens/s"], "tokens/s",
                ("engine alone", [server.Number("engine_tokens_s", "median")]), ("over HTTP", [server.Number("server_tokens_s", "median")])));
        if (document["known_video"] is JsonObject known)
            yield return ("followup", ResultPlots.Bars($"Two questions about one video of {known.Number("frames")} frames", ["first question", "second question"], "ms to the first token",
                (Measured, [known.Number("first", "median"), known.Number("second", "median")])));
    }

    private static Plot Text(JsonObject document, JsonObject text, string figure)
    {
        var precisions = text.Select(precision => precision.Key).ToArray();
        return ResultPlots.Bars(Title(figure), precisions, figure.StartsWith("ratio", StringComparison.Ordinal) ? "times" : "tokens/s",
            (Limit, [.. precisions.Select(precision => LimitOf(text[precision]!["limits"], figure))]),
            (Measured, [.. precisions.Select(precision => text[precision].Number(figure))]),
            ("llama.cpp", [.. precisions.Select(precision => Peer(document, precision) is { } peer ? FigureOf(peer, figure) : null)]));
    }

    private static string Title(string figure) =>
        figure.StartsWith("prompt", StringComparison.Ordinal) ? $"A prompt of {figure["prompt".Length..]} positions"
        : figure.StartsWith("ratio", StringComparison.Ordinal) ? $"{figure["ratio".Length..]} streams together, times one stream"
        : figure is "decode1" ? "One stream" : $"{figure["decode".Length..]} streams together";

    private static double? LimitOf(JsonNode? limits, string figure) => FigureOf(limits, figure);

    /// <summary>A figure of a document, or the ratio of two of them.</summary>
    private static double? FigureOf(JsonNode? figures, string figure) => figure.StartsWith("ratio", StringComparison.Ordinal)
        ? figures.Number("decode" + figure["ratio".Length..]) / figures.Number("decode1")
        : figures.Number(figure);

    private static JsonNode? Peer(JsonObject document, string precision) =>
        (document["peers"] as JsonArray)?.FirstOrDefault(peer => peer!["precision"]!.GetValue<string>() == precision)?["figures"];
}
