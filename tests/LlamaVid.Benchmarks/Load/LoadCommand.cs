using System.CommandLine;
using System.Text.Json.Nodes;
using LlamaVid.Benchmarks.Measures;
using LlamaVid.Benchmarks.Traffic;

namespace LlamaVid.Benchmarks.Load;

/// <summary>The words of <c>load</c> and the order they make. Measures nothing itself.</summary>
internal static class LoadCommand
{
    public static Command Create()
    {
        var server = new ServerChoice();
        var clients = NumberList.Option("--clients", "Closed loops, one after the other, of so many clients.", "1,4,16,64");
        var rates = NumberList.Option("--rates", "Open loops, one after the other, of so many requests per second.", "0.5,1,2,4");
        var seconds = new Option<double>("--seconds") { Description = "Time of sending of each case.", DefaultValueFactory = _ => 20 };
        var warmUp = new Option<double>("--warm-up") { Description = "Seconds of sending before each case that do not count.", DefaultValueFactory = _ => 3 };
        var mix = new Option<string>("--mix")
        {
            Description = "What is asked about: text, video, both (every second request shows one), or all three.", DefaultValueFactory = _ => "all",
        }.AcceptOnlyFromAmong("text", "video", "both", "all");
        var cached = new Option<string>("--cached")
        {
            Description = "Whether videos come again, are always new, or one case of each.", DefaultValueFactory = _ => "both",
        }.AcceptOnlyFromAmong("yes", "no", "both");
        var maxTokens = new Option<int>("--max-tokens") { Description = "Longest answer.", DefaultValueFactory = _ => 64 };
        var clips = new Option<int>("--clips") { Description = "Different videos to draw.", DefaultValueFactory = _ => 8 };
        var seed = new Option<int>("--seed") { Description = "Of arrivals and drawings.", DefaultValueFactory = _ => 1 };
        var json = new Option<bool>("--json") { Description = "Accepted for scripts: the last line of the output is always one JSON document." };
        var file = new Option<string?>("--out") { Description = "A file for that document." };

        var command = new Command("load", "Asks the real server over HTTP, by many clients and at rising rates.")
        {
            clients, rates, seconds, warmUp, mix, cached, maxTokens, clips, seed, json, file,
        };
        server.AddTo(command);
        command.SetAction(async (parsed, cancellationToken) =>
        {
            var order = new LoadOrder(
                [.. parsed.GetRequiredValue(clients).Select(count => (int)count)], parsed.GetRequiredValue(rates),
                parsed.GetValue(mix) == "all" ? Enum.GetValues<TrafficKind>() : [Enum.Parse<TrafficKind>(parsed.GetRequiredValue(mix), ignoreCase: true)],
                parsed.GetValue(cached) switch { "yes" => [true], "no" => [false], _ => [true, false] },
                TimeSpan.FromSeconds(parsed.GetValue(seconds)), TimeSpan.FromSeconds(parsed.GetValue(warmUp)),
                parsed.GetValue(maxTokens), parsed.GetValue(clips), parsed.GetValue(seed));
            var machine = Machine.Here();
            await using var running = await server.OpenAsync(parsed, [], cancellationToken);
            var results = await LoadRun.RunAsync(running, order, cancellationToken);
            var cases = new JsonObject { ["cases"] = Report.Json(results) };
            Report.End("load", machine, new { Order = order, Server = server.Chosen(parsed) }, cases, parsed.GetValue(file));
        });
        return command;
    }
}
