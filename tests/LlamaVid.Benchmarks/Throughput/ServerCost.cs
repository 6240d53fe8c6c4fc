using System.Diagnostics;
using LlamaVid.Benchmarks.Measures;
using LlamaVid.Benchmarks.Traffic;

namespace LlamaVid.Benchmarks.Throughput;

/// <summary>What HTTP adds: the same streams through a server of its own process and through the engine here, by turns.</summary>
/// <param name="ThroughputLoss">share of the engine's tokens per second that is lost, with 16 streams</param>
/// <param name="P50Ms">what the median time to the first token of a lone request grows by</param>
/// <param name="InterTokenP50Ms">what the median time between two tokens grows by, with 16 streams</param>
internal sealed record ServerCost(double ThroughputLoss, double P50Ms, double InterTokenP50Ms, Repeated EngineTokensS, Repeated ServerTokensS)
{
    private const int Streams = 16, LoneRequests = 20;

    public static async Task<ServerCost> MeasureAsync(EngineUnderTest engine, ServerProcess server, EngineOrder order, CancellationToken cancellationToken)
    {
        using var client = new ChatClient(server.Url);
        var random = new Random(2);
        var clock = Stopwatch.StartNew();
        var (direct, served) = (new Side(), new Side());
        for (var run = -1; run < order.Runs; run++)
        {
            var (here, there) = (await EngineAsync(Streams, order.Tokens), await ServerAsync(Streams, order.Tokens));
            var (lone, loneServed) = (new List<double>(), new List<double>());
            for (var i = 0; i < LoneRequests; i++)
            {
                lone.Add((await EngineAsync(1, 1))[0].First);
                loneServed.Add((await ServerAsync(1, 1))[0].First);
            }
            if (run < 0) continue;
            direct.Add(here, lone);
            served.Add(there, loneServed);
        }
        return new(
            1 - served.Rate.Median / direct.Rate.Median, Median(served.Firsts) - Median(direct.Firsts), Median(served.Gaps) - Median(direct.Gaps),
            direct.Rate, served.Rate);

        async Task<(double First, IReadOnlyList<double> Tokens)[]> EngineAsync(int streams, int tokens) =>
            [.. (await Task.WhenAll(Enumerable.Range(0, streams).Select(_ => engine.AskAsync(engine.Text(System(), Question(), tokens), cancellationToken))))
                .Select(answer => (answer.TimeToFirstToken, answer.Tokens))];

        async Task<(double First, IReadOnlyList<double> Tokens)[]> ServerAsync(int streams, int tokens) =>
            [.. (await Task.WhenAll(Enumerable.Range(0, streams).Select(_ => client.AskAsync(
                    ChatBody.Of(Question(), null, tokens, System()), clock, clock.Elapsed, cancellationToken)))).Select(Checked)];

        (double, IReadOnlyList<double>) Checked(Exchange exchange) => exchange is { Outcome: Outcome.Answered, TimeToFirstText: { } first }
            ? (first, exchange.Stream.Texts)
            : throw new BenchmarkException($"The server did not answer: {exchange.Code ?? exchange.Outcome.ToString()}");

        string System() => BenchWords.Text(random, TextSpeed.SystemWords);

        string Question() => BenchWords.Text(random, TextSpeed.QuestionWords);
    }

    private static double Median(IEnumerable<double> values) => Repeated.Of(values).Median;

    /// <summary>What was seen on one of the two ways.</summary>
    private sealed class Side
    {
        private readonly List<double> _rates = [];

        public List<double> Firsts { get; } = [];

        public List<double> Gaps { get; } = [];

        public Repeated Rate => Repeated.Of(_rates);

        public void Add((double First, IReadOnlyList<double> Tokens)[] streams, IEnumerable<double> firsts)
        {
            IReadOnlyList<double>[] times = [.. streams.Select(stream => stream.Tokens)];
            _rates.Add(SteadyRate.Of(times));
            Gaps.AddRange(SteadyRate.Gaps(times));
            Firsts.AddRange(firsts);
        }
    }
}
