using System.Text.Json.Nodes;
using LlamaVid.Training.Plots;

namespace LlamaVid.Benchmarks.Plots;

/// <summary>Documents of results as plots. Knows the names of their fields, not how they were measured.</summary>
internal static class ResultPlots
{
    /// <summary>The plots of all documents of a machine by name; of two with one name that of the later document, in the order of file names.</summary>
    /// <exception cref="BenchmarkException">there is no such document</exception>
    public static IReadOnlyDictionary<string, Plot> OfFolder(string folder, string machine)
    {
        var files = Directory.GetFiles(folder, machine + "-*.json").Order(StringComparer.Ordinal).ToArray();
        if (files.Length == 0) throw new BenchmarkException($"{folder} holds no {machine}-*.json.");
        var plots = new SortedDictionary<string, Plot>(StringComparer.Ordinal);
        foreach (var file in files)
            foreach (var (name, plot) in Of(JsonNode.Parse(File.ReadAllBytes(file))!.AsObject())) plots[name] = plot;
        return plots;
    }

    public static IEnumerable<(string Name, Plot Plot)> Of(JsonObject document) =>
        [.. EnginePlots.Of(document), .. GrowthPlots.Of(document), .. FilmPlots.Of(document), .. StartPlots.Of(document)];

    /// <summary>Groups of bars that begin at 0 and have room for their heights.</summary>
    public static Plot Bars(string title, IReadOnlyList<string> names, string up, params IReadOnlyList<(string Name, IReadOnlyList<double?> Heights)> series)
    {
        const double headroom = 1.1;
        var known = series.Where(one => one.Heights.Any(height => height is not null)).ToArray();
        return Plot.OverNames(title, names, up, (0, headroom * known.Max(one => one.Heights.Max()!.Value))).BarGroups(known);
    }

    /// <returns>null where the path leads nowhere</returns>
    public static double? Number(this JsonNode? node, params ReadOnlySpan<string> path)
    {
        foreach (var step in path) node = node is JsonObject fields ? fields[step] : null;
        return node is JsonValue value ? value.GetValue<double>() : null;
    }
}
