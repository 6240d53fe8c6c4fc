using System.CommandLine;
using System.Diagnostics;

namespace LlamaVid.Benchmarks.Throughput;

/// <summary>The words of <c>model</c>, which writes a generated model. It is a command of its own so that its memory is not that of a measurement.</summary>
internal static class ModelCommand
{
    private const long Seed = 1;

    private static readonly Dictionary<string, BenchShape> Sizes = new()
    {
        ["1b"] = BenchShape.OneBillion, ["5gb"] = BenchShape.FiveGigabytes, ["smoke"] = BenchShape.Smoke,
    };

    public static Option<string> Size(string fallback = "1b") => new Option<string>("--size")
    {
        Description = "1b is measured, 5gb for start-up; smoke is for trying the commands.", DefaultValueFactory = _ => fallback,
    }.AcceptOnlyFromAmong([.. Sizes.Keys]);

    public static Option<string> Tower() => new Option<string>("--tower")
    {
        Description = "tiny, or giant: the sizes of the released model's EVA-ViT-g and Q-Former (4 GB more to write).", DefaultValueFactory = _ => "tiny",
    }.AcceptOnlyFromAmong("tiny", "giant");

    public static BenchShape Shape(string size, string tower) => (size, tower) switch
    {
        (_, "tiny") => Sizes[size],
        ("1b", _) => BenchShape.OneBillionGiant,
        _ => throw new BenchmarkException($"--size {size} has a tiny tower only."),
    };

    public static Command Create()
    {
        var (size, tower) = (Size(), Tower());
        var command = new Command("model", "Writes a model with random weights into artifacts/benchmarks, unless it is there.") { size, tower };
        command.SetAction(parsed =>
        {
            var shape = Shape(parsed.GetRequiredValue(size), parsed.GetRequiredValue(tower));
            if (!BenchModel.Exists(shape)) BenchModel.Write(shape, Seed);
            Console.Out.WriteLine(BenchModel.Folder(shape));
        });
        return command;
    }

    /// <summary>Runs the command in a process of its own.</summary>
    public static async Task MakeAsync(BenchShape shape, CancellationToken cancellationToken)
    {
        if (BenchModel.Exists(shape)) return;
        await Console.Error.WriteLineAsync($"Writing {shape.Name}, once ...");
        using var process = Process.Start(new ProcessStartInfo(
            Environment.ProcessPath!, ["model", "--size", shape.IsGiant ? "1b" : Sizes.First(size => size.Value == shape).Key, "--tower", shape.IsGiant ? "giant" : "tiny"])
        {
            RedirectStandardOutput = true,
        })!;
        await process.StandardOutput.ReadToEndAsync(cancellationToken);
        await process.WaitForExitAsync(cancellationToken);
        if (process.ExitCode != 0) throw new BenchmarkException($"{shape.Name} could not be written; is there room in {ProjectFiles.Cache}?");
    }
}
