using System.Diagnostics;
using System.Text.Json.Nodes;

namespace LlamaVid.Benchmarks.Throughput;

/// <summary>Another engine that is measured in the same run, on the same model in a format of its own. Knows a command, not what it starts.</summary>
/// <param name="Precision">the one of ours that it stands beside</param>
/// <param name="Command">of a shell; its last line of output is a JSON object with <c>prompt512</c>, <c>decode1</c>, … in tokens per second</param>
internal sealed record Peer(string Precision, string Command)
{
    /// <param name="text">PRECISION=COMMAND</param>
    public static Peer Parse(string text) => text.Split('=', 2) is [var precision, { Length: > 0 } command]
        ? new(Throughput.Precision.Of(precision).Name, command)
        : throw new BenchmarkException($"'{text}' is no peer; write PRECISION=COMMAND, for example int8=\"node bench.mjs model-q8_0.gguf\".");

    /// <returns>the figures as the peer printed them</returns>
    public async Task<JsonObject> MeasureAsync(CancellationToken cancellationToken)
    {
        using var process = Process.Start(new ProcessStartInfo("/bin/sh", ["-c", Command]) { RedirectStandardOutput = true })!;
        try
        {
            var output = await process.StandardOutput.ReadToEndAsync(cancellationToken);
            await process.WaitForExitAsync(cancellationToken);
            var last = output.Split('\n', StringSplitOptions.RemoveEmptyEntries).LastOrDefault() ?? "";
            return process.ExitCode == 0 && last.StartsWith('{') && JsonNode.Parse(last) is JsonObject figures
                ? figures
                : throw new BenchmarkException($"The peer ended with {process.ExitCode} and wrote no figures: {Command}");
        }
        finally
        {
            if (!process.HasExited) process.Kill(entireProcessTree: true);
        }
    }
}
