using System.CommandLine;
using System.Text.Json.Nodes;
using BenchmarkDotNet.Configs;
using BenchmarkDotNet.Jobs;
using BenchmarkDotNet.Reports;
using BenchmarkDotNet.Running;
using BenchmarkDotNet.Toolchains.InProcess.Emit;
using LlamaVid.Benchmarks.Measures;

namespace LlamaVid.Benchmarks.Kernels;

/// <summary>The words of <c>micro</c>: single operations, measured by BenchmarkDotNet in this process. Measures nothing itself.</summary>
internal static class KernelCommand
{
    private static readonly Type[] Suites = [typeof(LinearProducts), typeof(Drawing), typeof(Preparing)];

    public static Command Create()
    {
        var filter = new Option<string>("--filter") { Description = "Names of the benchmarks, with *.", DefaultValueFactory = _ => "*" };
        var file = new Option<string?>("--out") { Description = "A file for the document." };
        var command = new Command("micro", "Measures single operations: products in each form of a weight, drawing a token, preparing a frame.") { filter, file };
        command.SetAction(parsed =>
        {
            var machine = Machine.Here();
            var pattern = parsed.GetRequiredValue(filter);
            var config = ManualConfig.Create(DefaultConfig.Instance)
                .AddJob(Job.ShortRun.WithToolchain(InProcessEmitToolchain.Instance)).WithArtifactsPath(Path.Combine(ProjectFiles.Cache, "micro"));
            var results = new JsonObject();
            foreach (var summary in BenchmarkSwitcher.FromTypes(Suites).Run(["--filter", pattern], config))
                foreach (var report in summary.Reports) results[Name(report)] = Figures(report);
            if (results.Count == 0) throw new BenchmarkException($"no benchmark is called '{pattern}'; there are {string.Join(", ", Suites.Select(suite => suite.Name))}.");
            Report.End("micro", machine, new { Filter = pattern }, new() { ["micro"] = results }, parsed.GetValue(file));
        });
        return command;
    }

    private static string Name(BenchmarkReport report) => $"{report.BenchmarkCase.Descriptor.DisplayInfo} {report.BenchmarkCase.Parameters.DisplayInfo}";

    private static JsonNode? Figures(BenchmarkReport report) => report.ResultStatistics is { } statistics
        ? Report.Json(new { MedianUs = statistics.Median / 1000, MinUs = statistics.Min / 1000, MaxUs = statistics.Max / 1000, Runs = statistics.N })
        : null;
}
