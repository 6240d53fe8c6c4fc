using System.Diagnostics;
using LlamaVid.Benchmarks.Measures;
using LlamaVid.Benchmarks.Soak.Honest;
using LlamaVid.Benchmarks.Soak.Hostile;
using LlamaVid.Benchmarks.Traffic;

namespace LlamaVid.Benchmarks.Soak;

/// <summary>Sends a bad day's traffic in two parts with a rest behind each, and looks at the server's process all the while.</summary>
/// <param name="watch">null when the process is not known: only answers are judged</param>
internal sealed class SoakRun(ChatClient client, ProcessWatch? watch, SoakOrder order, Misbehaviour day, HonestTraffic honest, HostileTraffic hostile, Stopwatch clock)
{
    /// <summary>After it clients close connections: well before a rest is over, so that what is open then is the server's own.</summary>
    public static readonly TimeSpan IdleConnection = TimeSpan.FromSeconds(2);

    private static readonly TimeSpan LongestAnswer = TimeSpan.FromMinutes(5), RestTime = TimeSpan.FromSeconds(5);

    private readonly Table _table = new(
        ("seconds", 8), ("MB", 7), ("own", 7), ("peak", 7), ("threads", 7), ("files", 6), ("children", 8), ("temporary", 9), ("requests", 9), ("honest", 7));

    public SoakTally Tally { get; } = new();

    public HonestTally Honest => honest.Tally;

    public HostileTally Hostile => hostile.Tally;

    /// <summary>What no client should ever have seen, and what no attack should ever have reached.</summary>
    public IEnumerable<string> Faults =>
        [.. Tally.Improper.Select(answer => $"{answer.Value} requests ended with {answer.Key}"), .. order.Honest > 0 ? honest.Tally.Faults : [], .. hostile.Faults];

    public List<ResourceSample> Samples { get; } = [];

    public ResourceSample? Settled { get; private set; }

    public ResourceSample? End { get; private set; }

    public async Task RunAsync(CancellationToken cancellationToken)
    {
        await honest.LearnAsync(cancellationToken);
        await SendUntilAsync(order.Settling, cancellationToken);
        Settled = await RestAsync(cancellationToken);
        await SendUntilAsync(order.During, cancellationToken);
        End = await RestAsync(cancellationToken);
    }

    private async Task SendUntilAsync(TimeSpan end, CancellationToken cancellationToken)
    {
        using var over = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken);
        var looking = LookAsync(over.Token);
        var bursting = BurstAsync(end, over.Token);
        var attacking = Task.WhenAll(Enumerable.Range(0, order.Hostile).Select(attacker => Task.Run(() => hostile.AttackUntilAsync(attacker, over.Token), CancellationToken.None)));
        await Task.WhenAll(Enumerable.Range(0, order.Honest).Select(_ => honest.AskUntilAsync(end, cancellationToken)).Concat(Enumerable.Range(0, order.Clients).Select(async _ =>
        {
            while (clock.Elapsed < end && !cancellationToken.IsCancellationRequested) await AskAsync(day.Next(), cancellationToken);
        })));
        await over.CancelAsync();
        await Task.WhenAll(looking, bursting, attacking);
        cancellationToken.ThrowIfCancellationRequested();
    }

    /// <summary>Nothing is asked any more; caches and pools keep what they keep.</summary>
    private async Task<ResourceSample?> RestAsync(CancellationToken cancellationToken)
    {
        await Task.Delay(RestTime, cancellationToken);
        return Look();
    }

    private async Task AskAsync(SoakRequest request, CancellationToken cancellationToken)
    {
        using var gone = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken);
        gone.CancelAfter(request.LeaveIn ?? LongestAnswer);
        Tally.Add(request, await client.AskAsync(request.Body, clock, clock.Elapsed, gone.Token, request.LeaveAfter));
    }

    private async Task BurstAsync(TimeSpan end, CancellationToken cancellationToken)
    {
        try
        {
            while (clock.Elapsed + order.BurstEvery < end)
            {
                await Task.Delay(order.BurstEvery, cancellationToken);
                await Task.WhenAll(Enumerable.Range(0, order.BurstSize).Select(_ => AskAsync(day.NextOfBurst(), CancellationToken.None)));
            }
        }
        catch (OperationCanceledException)
        {
        }
    }

    private async Task LookAsync(CancellationToken cancellationToken)
    {
        try
        {
            while (true)
            {
                Look();
                await Task.Delay(order.SampleEvery, cancellationToken);
            }
        }
        catch (OperationCanceledException)
        {
        }
    }

    private ResourceSample? Look()
    {
        if (watch is null) return null;
        var sample = watch.Sample(clock.Elapsed.TotalSeconds);
        lock (Samples) Samples.Add(sample);
        _table.Row(sample.Seconds, sample.RssMb, sample.OwnMb, sample.PeakMb, sample.Threads, sample.Files, sample.Children, sample.TemporaryFiles, Tally.Count, Honest.AnsweredAtOnce + Honest.AnsweredOnRetry);
        return sample;
    }
}
