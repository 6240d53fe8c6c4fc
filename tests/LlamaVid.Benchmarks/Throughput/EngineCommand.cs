using System.CommandLine;
using LlamaVid.Benchmarks.Measures;

namespace LlamaVid.Benchmarks.Throughput;

/// <summary>The words of <c>engine</c> and the order they make. Measures nothing itself.</summary>
internal static class EngineCommand
{
    private const int FullCeilingSize = 256, TrialCeilingSize = 32;

    public static Command Create()
    {
        var (size, tower) = (ModelCommand.Size(), ModelCommand.Tower());
        var only = new Option<string?>("--only") { Description = "Parts with commas between: prompt, decode, server, known, film, growth, tower. All when left out." };
        var precisions = new Option<string>("--precisions")
        {
            Description = "Of prompt, decode, growth and tower: bf16, int8, int4, f32, with commas between; the rest is measured in the first.", DefaultValueFactory = _ => "bf16,int8,int4",
        };
        var runs = new Option<int>("--runs") { Description = "Runs of each measurement, after a warm-up.", DefaultValueFactory = _ => 5 };
        var prompt = new Option<int>("--prompt") { Description = "Positions of the prompt.", DefaultValueFactory = _ => 512 };
        var streams = NumberList.Option("--streams", "Streams side by side.", "1,4,8,16");
        var tokens = new Option<int>("--tokens") { Description = "Tokens of each stream.", DefaultValueFactory = _ => 128 };
        var film = new Option<int>("--film-frames") { Description = "Frames of the long film.", DefaultValueFactory = _ => 3600 };
        var known = new Option<int>("--known-frames") { Description = "Frames of the video that is asked about twice.", DefaultValueFactory = _ => 60 };
        var neighbours = new Option<int>("--neighbours") { Description = "Clients that are answered beside the film.", DefaultValueFactory = _ => 4 };
        var peers = new Option<string[]>("--peer")
        {
            Description = "PRECISION=COMMAND, as often as there are peers: a command that measures another engine, run beside that precision. Its last line is {\"prompt512\": …, \"decode1\": …}.",
        };
        var json = new Option<bool>("--json") { Description = "Accepted for scripts: the last line of the output is always one JSON document." };
        var file = new Option<string?>("--out") { Description = "A file for that document." };
        only.Validators.Add(result =>
        {
            if (result.Tokens is [{ Value: var text }]
                && text.Split(',').FirstOrDefault(part => !Enum.TryParse<Part>(part, ignoreCase: true, out _)) is { } unknown)
                result.AddError($"'{unknown}' is no part; parts are prompt, decode, server, known, film, growth and tower.");
        });

        var command = new Command("engine", "Measures the engine on a generated model, beside what the machine can do at best.")
        {
            size, tower, only, precisions, runs, prompt, streams, tokens, film, known, neighbours, peers, json, file,
        };
        command.SetAction(async (parsed, cancellationToken) =>
        {
            var shape = ModelCommand.Shape(parsed.GetRequiredValue(size), parsed.GetRequiredValue(tower));
            var order = new EngineOrder(
                parsed.GetValue(only) is { } parts ? [.. parts.Split(',').Select(part => Enum.Parse<Part>(part, ignoreCase: true))] : Enum.GetValues<Part>(),
                [.. parsed.GetRequiredValue(precisions).Split(',').Select(Precision.Of)], parsed.GetValue(runs), parsed.GetValue(prompt), [.. parsed.GetRequiredValue(streams).Select(count => (int)count)],
                parsed.GetValue(tokens), parsed.GetValue(film), parsed.GetValue(known), parsed.GetValue(neighbours),
                shape == BenchShape.Smoke ? TrialCeilingSize : FullCeilingSize, [.. (parsed.GetValue(peers) ?? []).Select(Peer.Parse)]);
            var machine = Machine.Here();
            var results = await new EngineRun(shape, order).RunAsync(cancellationToken);
            Report.End("engine", machine, new { Model = shape.Name, Order = order }, results, parsed.GetValue(file));
        });
        return command;
    }
}
