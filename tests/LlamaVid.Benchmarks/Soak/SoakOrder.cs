namespace LlamaVid.Benchmarks.Soak;

/// <summary>What a soak shall do, and how much the server may have grown in the end.</summary>
/// <param name="During">all traffic</param>
/// <param name="Settling">of it, the time after which nothing may grow any more</param>
/// <param name="Clients">that ask again when they have their answer, or have gone away</param>
/// <param name="Honest">clients that behave and have to be answered</param>
/// <param name="Hostile">clients that attack</param>
/// <param name="BurstEvery">time between two bursts</param>
/// <param name="BurstSize">requests at once, more than may wait</param>
/// <param name="SampleEvery">time between two looks at the process</param>
internal sealed record SoakOrder(
    TimeSpan During, TimeSpan Settling, int Clients, int Honest, int Hostile, TimeSpan BurstEvery, int BurstSize, TimeSpan SampleEvery, int MaxTokens, int Seed)
{
    /// <summary>Settings of a server that is started: caches that are full before it has settled, a line that bursts overflow, and numbers by which the same question has the same answer in any company.</summary>
    public static readonly IReadOnlyList<string> ServerSettings =
        ["Engine:MaxWaitingRequests=16", "Engine:MaxRunningSequences=8", "Engine:FeatureCacheMegabytes=64", "Engine:KvCacheTokens=16384", "Model:Dtype=float32"];
}

/// <summary>Growth that still counts as none, for allocators and thread pools breathe: of memory and threads from the second quarter of the time to the last, of the rest from one rest to the next.</summary>
internal static class Bounds
{
    public const double ResidentShare = 0.05, ResidentMegabytes = 48;
    public const int Threads = 8, Files = 8, Children = 0, TemporaryFiles = 0;
}
