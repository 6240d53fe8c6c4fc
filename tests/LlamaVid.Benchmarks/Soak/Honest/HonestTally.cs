namespace LlamaVid.Benchmarks.Soak.Honest;

/// <summary>What became of the requests of those who behave. Any thread.</summary>
internal sealed class HonestTally
{
    private readonly SortedDictionary<string, int> _failed = [];
    private readonly Lock _gate = new();

    public int AnsweredAtOnce { get; private set; }

    /// <summary>After one or more documented refusals.</summary>
    public int AnsweredOnRetry { get; private set; }

    /// <summary>Of those answered, the ones with another text than before the traffic.</summary>
    public int AnsweredOtherwise { get; private set; }

    public int MostTries { get; private set; }

    public double LongestSeconds { get; private set; }

    /// <summary>Those that were never answered, by what they ended with.</summary>
    public IReadOnlyDictionary<string, int> NeverAnswered { get { lock (_gate) return new SortedDictionary<string, int>(_failed); } }

    public IEnumerable<string> Faults
    {
        get
        {
            if (AnsweredAtOnce + AnsweredOnRetry == 0) yield return "no honest request was answered";
            if (AnsweredOtherwise > 0) yield return $"{AnsweredOtherwise} honest requests were answered otherwise than before the traffic";
            foreach (var (code, count) in NeverAnswered) yield return $"{count} honest requests were never answered and ended with {code}";
        }
    }

    public void Answered(bool isExpected, int tries, TimeSpan took)
    {
        lock (_gate)
        {
            if (tries == 1) AnsweredAtOnce++;
            else AnsweredOnRetry++;
            if (!isExpected) AnsweredOtherwise++;
            (MostTries, LongestSeconds) = (Math.Max(MostTries, tries), Math.Max(LongestSeconds, took.TotalSeconds));
        }
    }

    public void Failed(string code)
    {
        lock (_gate) _failed[code] = _failed.GetValueOrDefault(code) + 1;
    }
}
