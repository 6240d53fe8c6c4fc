using System.CommandLine;
using System.Diagnostics;
using System.Text.Json.Nodes;
using LlamaVid.Benchmarks.Measures;
using LlamaVid.Benchmarks.Soak.Hostile;
using LlamaVid.Benchmarks.Traffic;

namespace LlamaVid.Benchmarks.Soak;

/// <summary>The words of <c>soak</c>, the order they make, and the exit code. Sends nothing itself.</summary>
internal static class SoakCommand
{
    private const int Clips = 8;

    public static Command Create()
    {
        var server = new ServerChoice();
        var minutes = new Option<double>("--minutes") { Description = "Length of all traffic.", DefaultValueFactory = _ => 30 };
        var settle = new Option<double?>("--settle") { Description = "Minutes after which nothing may grow any more; a third of --minutes when left out." };
        var clients = new Option<int>("--clients") { Description = "Clients that ask one request after the other.", DefaultValueFactory = _ => 12 };
        var honest = new Option<int>("--honest") { Description = "Clients that behave: each has to be answered rightly, after documented refusals if need be.", DefaultValueFactory = _ => 4 };
        var hostile = new Option<int>("--hostile") { Description = "Clients that attack.", DefaultValueFactory = _ => 8 };
        var burst = new Option<int>("--burst") { Description = "Requests of a burst, all at once.", DefaultValueFactory = _ => 48 };
        var burstEvery = new Option<double>("--burst-every") { Description = "Seconds between two bursts.", DefaultValueFactory = _ => 20 };
        var every = new Option<double>("--every") { Description = "Seconds between two looks at the process.", DefaultValueFactory = _ => 5 };
        var maxTokens = new Option<int>("--max-tokens") { Description = "Longest answer; lengths are drawn from 1 to this.", DefaultValueFactory = _ => 48 };
        var seed = new Option<int>("--seed") { Description = "Of everything that is drawn.", DefaultValueFactory = _ => 1 };
        var json = new Option<bool>("--json") { Description = "Accepted for scripts: the last line of the output is always one JSON document." };
        var file = new Option<string?>("--out") { Description = "A file for that document." };

        var command = new Command("soak", "Treats the server badly for a long time and looks whether anything stays behind and whether those who behave are answered. Ends with 1 when something does, or somebody is not.")
        {
            minutes, settle, clients, honest, hostile, burst, burstEvery, every, maxTokens, seed, json, file,
        };
        server.AddTo(command);
        command.SetAction(async (parsed, cancellationToken) =>
        {
            var during = TimeSpan.FromMinutes(parsed.GetValue(minutes));
            var order = new SoakOrder(
                during, parsed.GetValue(settle) is { } settling ? TimeSpan.FromMinutes(settling) : during / 3, parsed.GetValue(clients), parsed.GetValue(honest), parsed.GetValue(hostile),
                TimeSpan.FromSeconds(parsed.GetValue(burstEvery)), parsed.GetValue(burst), TimeSpan.FromSeconds(parsed.GetValue(every)),
                parsed.GetValue(maxTokens), parsed.GetValue(seed));
            var (machine, temporary) = (Machine.Here(), Directory.CreateTempSubdirectory("lvsoak"));
            try
            {
                SoakRun run;
                var keys = server.IsElsewhere(parsed) ? null : Keys.Make();
                string[] settings = [.. SoakOrder.ServerSettings, .. keys?.Settings ?? [], $"Media:TempDirectory={temporary.FullName}"];
                await using (var running = await server.OpenAsync(parsed, settings, cancellationToken, keys?.Honest))
                {
                    var watch = running.WatchedId is { } pid ? new ProcessWatch(pid, running.Id is null ? temporary.FullName : null) : null;
                    var clips = await ClipSupply.DrawAsync(Clips, order.Seed, cancellationToken);
                    using var client = new ChatClient(running.Url, keys?.Honest, SoakRun.IdleConnection);
                    using var http = new HostileHttp(running.Url, keys?.Hostile, SoakRun.IdleConnection);
                    using var canary = new Canary();
                    var clock = Stopwatch.StartNew();
                    run = new(
                        client, watch, order, new(clips, order.MaxTokens, order.Seed), new(client, clips, clock, order.Seed),
                        new(new(running.Url, http, canary, clips, keys?.Hostile), canary, clock, order.Seed), clock);
                    await run.RunAsync(cancellationToken);
                }
                return End(run, machine, new { Order = order, Server = server.Chosen(parsed) }, parsed.GetValue(file));
            }
            finally
            {
                temporary.Delete(recursive: true);
            }
        });
        return command;
    }

    private static int End(SoakRun run, Machine machine, object options, string? file)
    {
        var faults = run is { Settled: { } settled, End: { } end } ? SoakVerdict.Of(run.Samples, settled, end).ToList() : [];
        faults.AddRange(run.Faults);
        foreach (var fault in faults) Console.Error.WriteLine(fault);
        Report.End("soak", machine, options, new JsonObject
        {
            ["requests"] = run.Tally.Count, ["proper"] = Report.Json(run.Tally.Proper), ["improper"] = Report.Json(run.Tally.Improper),
            ["honest"] = Report.Json(run.Honest), ["hostile"] = Report.Json(run.Hostile.Ends),
            ["settled"] = Report.Json(run.Settled), ["end"] = Report.Json(run.End), ["faults"] = Report.Json(faults), ["samples"] = Report.Json(run.Samples),
        }, file);
        return faults.Count == 0 ? 0 : 1;
    }
}
