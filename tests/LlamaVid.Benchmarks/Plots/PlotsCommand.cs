using System.CommandLine;

namespace LlamaVid.Benchmarks.Plots;

/// <summary>The words of <c>plots</c>: documents of results become the pictures of docs/performance.md. Measures nothing.</summary>
internal static class PlotsCommand
{
    public static string Results => Path.Combine(ProjectFiles.Root, "tests/LlamaVid.Benchmarks/results");

    public static string Pictures => Path.Combine(ProjectFiles.Root, "docs/plots");

    public static Command Create()
    {
        var machine = new Argument<string>("machine") { Description = "Documents are read whose names begin with it.", DefaultValueFactory = _ => "epyc-zen5-2c" };
        var results = new Option<string>("--results") { Description = "Where they lie.", DefaultValueFactory = _ => Results };
        var into = new Option<string>("--into") { Description = "Where the SVG files go.", DefaultValueFactory = _ => Pictures };
        var command = new Command("plots", "Draws every figure of a machine's documents beside its limit and its peer.") { machine, results, into };
        command.SetAction(parsed =>
        {
            var folder = Directory.CreateDirectory(parsed.GetRequiredValue(into)).FullName;
            foreach (var (name, plot) in ResultPlots.OfFolder(parsed.GetRequiredValue(results), parsed.GetRequiredValue(machine)))
            {
                plot.Write(Path.Combine(folder, name + ".svg"));
                Console.Out.WriteLine(name);
            }
        });
        return command;
    }
}
