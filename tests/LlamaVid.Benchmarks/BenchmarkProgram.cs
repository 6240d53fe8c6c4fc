using System.CommandLine;
using LlamaVid.Benchmarks.Decoding;
using LlamaVid.Benchmarks.Kernels;
using LlamaVid.Benchmarks.Load;
using LlamaVid.Benchmarks.Plots;
using LlamaVid.Benchmarks.Soak;
using LlamaVid.Benchmarks.Start;
using LlamaVid.Benchmarks.Throughput;
using LlamaVid.Media;
using LlamaVid.Model.Weights;
using LlamaVid.Training.ShapesWorld;

namespace LlamaVid.Benchmarks;

/// <summary>The command line: words to measurements, faults to one line and an exit code. Measures nothing itself (docs/benchmarks.md).</summary>
internal static class BenchmarkProgram
{
    private static readonly TimeSpan LongestFarewell = TimeSpan.FromMinutes(1);

    /// <returns>0; 1 for a fault that was said in one line, or for a soak that found something; 130 when interrupted</returns>
    public static async Task<int> Main(string[] args)
    {
        var root = new RootCommand("Measures the server and its engine (docs/benchmarks.md).")
        {
            LoadCommand.Create(), SoakCommand.Create(), EngineCommand.Create(), ShapesCommand.Create(), AccuracyCommand.Create(), VideoCommand.Create(), StartCommand.Create(), KernelCommand.Create(), ModelCommand.Create(), PlotsCommand.Create(),
        };
        try
        {
            return await root.Parse(args).InvokeAsync(new() { EnableDefaultExceptionHandler = false, ProcessTerminationTimeout = LongestFarewell });
        }
        catch (OperationCanceledException)
        {
            return 130;
        }
        catch (Exception fault) when (fault is BenchmarkException or EncodingFailedException or FfmpegNotFoundException or CheckpointException or IOException)
        {
            await Console.Error.WriteLineAsync(fault.Message);
            return 1;
        }
    }
}
