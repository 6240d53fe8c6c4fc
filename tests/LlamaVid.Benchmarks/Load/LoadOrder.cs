using System.Text.Json.Serialization;
using LlamaVid.Benchmarks.Traffic;

namespace LlamaVid.Benchmarks.Load;

/// <summary>What a load run shall do.</summary>
/// <param name="Clients">of closed loops, one case each</param>
/// <param name="Rates">requests per second of open loops, one case each</param>
/// <param name="Known">whether videos come again; both is two cases</param>
/// <param name="During">time of sending of each case</param>
/// <param name="WarmUp">sending before that does not count</param>
/// <param name="Clips">different pictures</param>
internal sealed record LoadOrder(
    IReadOnlyList<int> Clients, IReadOnlyList<double> Rates, IReadOnlyList<TrafficKind> Kinds, IReadOnlyList<bool> Known, TimeSpan During, TimeSpan WarmUp,
    int MaxTokens, int Clips, int Seed)
{
    [JsonIgnore]
    public IEnumerable<LoadPattern> Patterns =>
        Clients.Select(LoadPattern (clients) => new LoadPattern.Closed(clients)).Concat(Rates.Select(rate => new LoadPattern.Open(rate, Seed)));

    /// <summary>What is asked in each row of the sweep; text has no videos that could be known.</summary>
    [JsonIgnore]
    public IEnumerable<(TrafficKind Kind, bool IsKnown)> Contents =>
        Kinds.SelectMany(kind => kind == TrafficKind.Text ? [(kind, false)] : Known.Select(known => (kind, known)));
}
