using System.Diagnostics;
using LlamaVid.Benchmarks.Measures;
using LlamaVid.Benchmarks.Traffic;

namespace LlamaVid.Benchmarks.Start;

/// <summary>The default model in new processes, asked over HTTP about clips of ten seconds that nobody has seen before.</summary>
/// <param name="Ready">seconds from the start of the process</param>
/// <param name="FirstTtft">milliseconds to the first text of the first question of a process, whose code is compiled meanwhile</param>
/// <param name="Ttft">of the later ones</param>
internal sealed record FirstAnswers(Repeated Ready, Repeated FirstTtft, Repeated Ttft, double PeakMb)
{
    private const int ClipSeconds = 10, Seed = 7, AnswerTokens = 8;
    private const string Question = "What is in this video?";

    public static async Task<FirstAnswers> MeasureAsync(int processes, int clips, CancellationToken cancellationToken)
    {
        var supply = await ClipSupply.DrawAsync(processes * (clips + 1), Seed, cancellationToken, ClipSeconds);
        var (ready, first, later, peak, number) = (new List<double>(), new List<double>(), new List<double>(), 0.0, 0);
        for (var process = 0; process < processes; process++)
        {
            var begin = Stopwatch.GetTimestamp();
            await using var server = await ServerProcess.StartAsync(ProjectFiles.DefaultModel, [], cancellationToken);
            ready.Add(Stopwatch.GetElapsedTime(begin).TotalSeconds);
            using var client = new ChatClient(server.Url);
            first.Add(await AskAsync(client));
            for (var clip = 0; clip < clips; clip++) later.Add(await AskAsync(client));
            peak = Math.Max(peak, new ProcessWatch(server.WatchedId!.Value).PeakMegabytes);
        }
        return new(Repeated.Of(ready), Repeated.Of(first), Repeated.Of(later), peak);

        async Task<double> AskAsync(ChatClient client)
        {
            var body = ChatBody.Of(Question, supply.Fresh(number++), AnswerTokens);
            var clock = Stopwatch.StartNew();
            var exchange = await client.AskAsync(body, clock, TimeSpan.Zero, cancellationToken);
            return exchange is { Outcome: Outcome.Answered, TimeToFirstText: { } time, Stream.WasKnown: false } ? time
                : throw new BenchmarkException($"The server did not answer about a new video: {exchange.Code ?? exchange.Outcome.ToString()}");
        }
    }
}
