using System.Diagnostics;

namespace LlamaVid.Benchmarks.Soak.Hostile;

/// <summary>Clients that attack, one way after the other, as long as there is traffic. Judges no attack itself.</summary>
internal sealed class HostileTraffic(Arsenal arsenal, Canary canary, Stopwatch clock, int seed)
{
    private static readonly TimeSpan Pause = TimeSpan.FromMilliseconds(200);

    public HostileTally Tally { get; } = new();

    /// <summary>One client, until <paramref name="over"/>; what is under way then is broken off.</summary>
    public async Task AttackUntilAsync(int client, CancellationToken over)
    {
        var random = new Random(HashCode.Combine(seed, client, (int)clock.Elapsed.TotalMinutes));
        try
        {
            while (true)
            {
                var attack = arsenal.All[random.Next(arsenal.All.Count)];
                Tally.Add(attack, await attack.Launch(random, over));
                await Task.Delay(Pause, over);
            }
        }
        catch (OperationCanceledException) when (over.IsCancellationRequested)
        {
        }
    }

    /// <summary>To be asked when all is over.</summary>
    public IEnumerable<string> Faults => canary.Visits == 0 ? Tally.Faults : [.. Tally.Faults, $"{canary.Visits} connections reached a port that no request may reach"];
}
