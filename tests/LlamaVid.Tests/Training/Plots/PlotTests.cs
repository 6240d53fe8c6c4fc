using System.Xml.Linq;
using LlamaVid.Training.Plots;

namespace LlamaVid.Tests.Training.Plots;

/// <summary>Plots are SVG that any viewer reads, hold what was put in, and diff.</summary>
public sealed class PlotTests
{
    [Fact]
    public void A_plot_is_well_formed_svg_with_its_words_and_the_same_for_the_same_numbers()
    {
        var (first, second) = (Losses().ToSvg(), Losses().ToSvg());
        Assert.Equal(first, second);
        var svg = XDocument.Parse(first).Root!;
        Assert.Equal("svg", svg.Name.LocalName);
        var words = svg.Descendants().Where(element => element.Name.LocalName == "text").Select(element => element.Value).ToArray();
        Assert.Superset(new HashSet<string> { "Loss & co", "step", "loss", "train", "held out" }, words.ToHashSet());
    }

    [Fact]
    public void Bars_reach_as_high_as_their_values()
    {
        var svg = XDocument.Parse(Plot.OverNames("t", ["low", "high"], "%", (0, 100)).Bars(null, [25, 100]).Ranges([(0, 20, 30), (1, 90, 100)]).ToSvg());
        var heights = svg.Descendants().Where(element => element.Name.LocalName == "rect"
            && element.Attribute("style")?.Value.Contains("rgb(110,160,215)", StringComparison.Ordinal) == true)
            .Select(element => double.Parse(element.Attribute("height")!.Value)).ToArray();
        Assert.Equal(2, heights.Length);
        Assert.Equal(4, heights[1] / heights[0], 0.01);
    }

    private static Plot Losses() => Plot.OverNumbers("Loss & co", "step", "loss")
        .Line("train", [(0, 3), (1, 2), (2, 1.5)]).Line("held out", [(0, 3.1), (2, 1.8)], hasMarkers: true).Scatter(null, [(1, 2.2)]);
}
