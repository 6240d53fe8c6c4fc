namespace LlamaVid.Benchmarks.Soak.Hostile;

/// <summary>Counts how attacks ended, and which of it no server should do. Any thread.</summary>
internal sealed class HostileTally
{
    /// <summary>Whoever sends too much, or meets a full line, may always be told to come back.</summary>
    private static readonly string[] Always = ["429", "503"];

    private readonly SortedDictionary<string, SortedDictionary<string, int>> _ends = [];
    private readonly SortedDictionary<string, int> _improper = [];
    private readonly Lock _gate = new();

    /// <summary>By attack, by end.</summary>
    public IReadOnlyDictionary<string, SortedDictionary<string, int>> Ends { get { lock (_gate) return new SortedDictionary<string, SortedDictionary<string, int>>(_ends); } }

    public IEnumerable<string> Faults { get { lock (_gate) return [.. _improper.Select(end => $"{end.Value} times, {end.Key}")]; } }

    public void Add(Attack attack, IEnumerable<string> ends)
    {
        lock (_gate)
            foreach (var end in ends)
            {
                var counts = _ends.TryGetValue(attack.Name, out var known) ? known : _ends[attack.Name] = [];
                counts[end] = counts.GetValueOrDefault(end) + 1;
                if (!attack.Proper.Contains(end) && !Always.Contains(end)) Fault($"{attack.Name} ended with {end}");
            }
    }

    public void Fault(string what)
    {
        lock (_gate) _improper[what] = _improper.GetValueOrDefault(what) + 1;
    }
}
