using System.Diagnostics;
using LlamaVid.Benchmarks.Traffic;

namespace LlamaVid.Benchmarks.Soak.Honest;

/// <summary>Clients that behave: they ask what has one answer, come back after <c>Retry-After</c> when they are told to, and wait for the end. Each has to get the answer it got before the traffic.</summary>
internal sealed class HonestTraffic(ChatClient client, ClipSupply clips, Stopwatch clock, int seed)
{
    private const int Tokens = 16;
    private static readonly TimeSpan Patience = TimeSpan.FromMinutes(3), WithoutAdvice = TimeSpan.FromSeconds(1);
    private static readonly string[] Questions = ["How many objects are there?", "What color is the background?"];

    private readonly Random _random = new(seed);
    private readonly Dictionary<(int Clip, string Question), string> _expected = [];

    public HonestTally Tally { get; } = new();

    /// <summary>Asks everything once while nobody else does.</summary>
    public async Task LearnAsync(CancellationToken cancellationToken)
    {
        foreach (var key in from clip in Enumerable.Range(0, clips.Count) from question in Questions select (clip, question))
        {
            var exchange = await client.AskAsync(BodyOf(key, isNew: false), clock, clock.Elapsed, cancellationToken);
            if (exchange.Outcome != Outcome.Answered) throw new BenchmarkException($"A question before the traffic ended with {exchange.Code ?? $"{exchange.Outcome}"}.");
            _expected[key] = exchange.Stream.Text;
        }
    }

    /// <summary>One client, until <paramref name="end"/>; the last request comes to its end.</summary>
    public async Task AskUntilAsync(TimeSpan end, CancellationToken cancellationToken)
    {
        while (clock.Elapsed < end && !cancellationToken.IsCancellationRequested)
        {
            (int Clip, string Question) key;
            bool isNew;
            lock (_random) (key, isNew) = ((_random.Next(clips.Count), Questions[_random.Next(Questions.Length)]), _random.Next(4) == 0);
            await AskAsync(key, BodyOf(key, isNew), cancellationToken);
        }
    }

    private async Task AskAsync((int, string) key, string body, CancellationToken cancellationToken)
    {
        var begin = clock.Elapsed;
        for (var tries = 1; ; tries++)
        {
            using var patience = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken);
            patience.CancelAfter(Patience);
            var exchange = await client.AskAsync(body, clock, clock.Elapsed, patience.Token);
            if (cancellationToken.IsCancellationRequested) return;
            var left = begin + Patience - clock.Elapsed;
            if (exchange.Outcome == Outcome.Answered)
                Tally.Answered(exchange.Stream.Text == _expected[key], tries, clock.Elapsed - begin);
            else if (IsToComeBack(exchange) && left > TimeSpan.Zero)
            {
                await Task.Delay(exchange.RetryAfter ?? WithoutAdvice, cancellationToken);
                continue;
            }
            else
                Tally.Failed(exchange.Code ?? exchange.Outcome.ToString().ToLowerInvariant());
            return;
        }
    }

    /// <summary>Refusals that the documentation names, with the header that it promises; a stream that is refused has no header.</summary>
    private static bool IsToComeBack(Exchange exchange) => exchange.Outcome == Outcome.Refused && exchange.Code switch
    {
        "429 rate_limit_exceeded" or "503 engine_overloaded" => exchange.RetryAfter is not null,
        "200 engine_overloaded" or "200 queue_timeout" or "408 queue_timeout" => true,
        _ => false,
    };

    /// <param name="isNew">bytes that nobody has seen, with the same pictures</param>
    private string BodyOf((int Clip, string Question) key, bool isNew) =>
        ChatBody.Of(key.Question, isNew ? clips.Fresh(key.Clip) : clips.Known(key.Clip), Tokens);
}
