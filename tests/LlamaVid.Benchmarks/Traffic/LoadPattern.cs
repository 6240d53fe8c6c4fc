using System.Collections.Concurrent;
using System.Diagnostics;

namespace LlamaVid.Benchmarks.Traffic;

/// <summary>When requests are sent. Knows neither what they ask nor what is made of the answers.</summary>
internal abstract record LoadPattern
{
    private static readonly TimeSpan LongestEnd = TimeSpan.FromMinutes(2);

    private LoadPattern() { }

    /// <summary>So many clients, each of which asks again when it has its answer.</summary>
    public sealed record Closed(int Clients) : LoadPattern
    {
        public override string ToString() => $"{Clients} clients";

        protected override Task SendAsync(TimeSpan during, Stopwatch clock, Func<TimeSpan, Task> ask, CancellationToken cancellationToken) =>
            Task.WhenAll(Enumerable.Range(0, Clients).Select(async _ =>
            {
                while (clock.Elapsed < during && !cancellationToken.IsCancellationRequested) await ask(clock.Elapsed);
            }));
    }

    /// <summary>Requests that arrive whether earlier ones are answered or not. Waiting counts from the moment a request was due.</summary>
    /// <param name="Rate">per second</param>
    public sealed record Open(double Rate, int Seed) : LoadPattern
    {
        public override string ToString() => $"{Rate:0.###}/s";

        protected override async Task SendAsync(TimeSpan during, Stopwatch clock, Func<TimeSpan, Task> ask, CancellationToken cancellationToken)
        {
            var sent = new List<Task>();
            foreach (var due in PoissonArrivals.Draw(Rate, during, Seed))
            {
                if (due - clock.Elapsed is { Ticks: > 0 } left) await Task.Delay(left, cancellationToken);
                sent.Add(ask(due));
            }
            await Task.WhenAll(sent);
        }
    }

    /// <summary>Sends for a time, then waits for what is still being answered; what takes far too long is given up.</summary>
    public async Task<IReadOnlyCollection<Exchange>> RunAsync(ChatClient client, Workload workload, TimeSpan during, CancellationToken cancellationToken)
    {
        using var patience = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken);
        patience.CancelAfter(during + LongestEnd);
        var exchanges = new ConcurrentQueue<Exchange>();
        var clock = Stopwatch.StartNew();
        await SendAsync(during, clock, async due => exchanges.Enqueue(await client.AskAsync(workload.Next(), clock, due, patience.Token)), cancellationToken);
        cancellationToken.ThrowIfCancellationRequested();
        return exchanges;
    }

    protected abstract Task SendAsync(TimeSpan during, Stopwatch clock, Func<TimeSpan, Task> ask, CancellationToken cancellationToken);
}
