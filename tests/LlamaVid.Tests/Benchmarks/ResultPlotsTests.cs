using System.Text.Json.Nodes;
using System.Xml.Linq;
using LlamaVid.Benchmarks.Plots;

namespace LlamaVid.Tests.Benchmarks;

/// <summary>The figures of the documentation are drawn from the committed results, by one command.</summary>
public sealed class ResultPlotsTests
{
    private const string Machine = "epyc-zen5-2c";

    [Fact]
    public void Every_picture_in_the_documentation_is_what_the_results_give()
    {
        var plots = ResultPlots.OfFolder(PlotsCommand.Results, Machine);
        var pictures = Directory.GetFiles(PlotsCommand.Pictures, "*.svg");
        Assert.Equal(plots.Keys, pictures.Select(picture => Path.GetFileNameWithoutExtension(picture)!).Order(StringComparer.Ordinal));
        foreach (var (name, plot) in plots)
            Assert.True(File.ReadAllText(Path.Combine(PlotsCommand.Pictures, name + ".svg")) == plot.ToSvg(), $"{name}.svg is not what the results give; run the benchmarks' command plots.");
    }

    [Fact]
    public void A_figure_stands_beside_its_limit_and_its_peer()
    {
        var document = JsonNode.Parse("""
            {
              "bench1b": {
                "bf16": { "prompt512": 400, "decode1": 20, "decode16": 200, "ratio16": 10, "limits": { "prompt512": 500, "decode1": 25, "decode16": 375 } },
                "int8": { "prompt512": 600, "limits": { "prompt512": 1000 } }
              },
              "peers": [ { "precision": "bf16", "figures": { "file": "x", "prompt512": 165, "decode1": 16, "decode16": 80 } } ]
            }
            """)!.AsObject();
        var plots = ResultPlots.Of(document).ToDictionary();
        Assert.Equal(["decode1", "decode16", "prompt512", "ratio16"], plots.Keys.Order());
        Assert.Superset(new HashSet<string> { "bf16", "int8", "limit", "measured", "llama.cpp", "500", "400", "165", "1000", "600" }, Words(plots["prompt512"].ToSvg()));
        Assert.Superset(new HashSet<string> { "15.0", "10.0", "5.00" }, Words(plots["ratio16"].ToSvg()));
    }

    [Fact]
    public void Growth_has_a_line_for_each_precision()
    {
        var document = JsonNode.Parse("""
            {
              "growth": {
                "bf16": {
                  "frames": [ { "frames": 1, "ttft": { "median": 90 }, "ttft_per_frame": { "median": 90 } }, { "frames": 64, "ttft": { "median": 900 }, "ttft_per_frame": { "median": 14 } } ],
                  "streams": [ { "streams": 1, "tokens_s": { "median": 20 }, "step_ms": { "p50": 50 }, "limit": 24 }, { "streams": 8, "tokens_s": { "median": 120 }, "step_ms": { "p50": 66 }, "limit": 190 } ],
                  "context": [ { "positions": 128, "prefill_s": { "median": 300 }, "step_ms": { "median": 50 } }, { "positions": 8192, "prefill_s": { "median": 200 }, "step_ms": { "median": 90 } } ]
                }
              }
            }
            """)!.AsObject();
        var plots = ResultPlots.Of(document).ToDictionary();
        Assert.Equal(["growth-context", "growth-frame", "growth-frames", "growth-prefill", "growth-step", "growth-streams"], plots.Keys.Order());
        Assert.Superset(new HashSet<string> { "bf16", "bf16, limit" }, Words(plots["growth-streams"].ToSvg()));
    }

    private static HashSet<string> Words(string svg) =>
        [.. XDocument.Parse(svg).Descendants().Where(element => element.Name.LocalName == "text").Select(element => element.Value)];
}
