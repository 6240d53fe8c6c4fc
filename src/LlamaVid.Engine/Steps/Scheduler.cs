namespace LlamaVid.Engine;

/// <summary>Decides what each step works on. Pure bookkeeping: no tensors, no clock, no I/O.</summary>
/// <remarks>
/// There are no global phases. Every sequence owes work (frames to see, then a prompt to compute, then one token per step) and each step pays a
/// bounded part of it, oldest sequence first. Running answers are never skipped, so they never wait longer than one bounded step.
/// </remarks>
internal sealed class Scheduler(EngineOptions options, KvBudget budget)
{
    private readonly List<Workload> _running = [];

    public IReadOnlyList<Workload> Running => _running;

    /// <summary>
    /// Whether one more may begin. A sequence that gave back what it held, because more frames came than were planned, comes before all that have not begun.
    /// </summary>
    /// <param name="evictable">positions that are held for nobody and can be made free</param>
    /// <param name="answers">a request with more of them than may run at a time runs alone</param>
    public bool CanStart(int positions, int evictable = 0, int answers = 1) =>
        (_running.Count == 0 || _running.Sum(work => work.Answers) + answers <= options.MaxRunningSequences)
        && _running.All(work => work.Positions > 0) && positions <= budget.Free + evictable;

    /// <param name="positions">what it will hold, known to be free</param>
    public void Start(Workload work, int positions)
    {
        if (!TryResize(work, positions)) throw new InvalidOperationException($"{positions} positions were said to be free and are not.");
        _running.Add(work);
    }

    /// <summary>Gives a sequence exactly the positions that it needs; false when they are not free, and then it holds what it held.</summary>
    public bool TryResize(Workload work, int positions)
    {
        if (!budget.TryChange(work.Positions, positions)) return false;
        work.Positions = positions;
        return true;
    }

    public IReadOnlyList<Share> Plan()
    {
        var (frames, tokens) = (options.MaxFramesPerStep, options.MaxPrefillTokensPerStep);
        var reads = options.MaxFramesPerStep;
        var plan = new List<Share>(_running.Count);
        foreach (var work in _running)
        {
            var share = work.Phase switch
            {
                WorkPhase.See => new Share(work, Math.Min(frames, work.FramesToEncode), Math.Min(reads, work.FramesToCompress), 0, false),
                WorkPhase.Prefill => new Share(work, 0, 0, Math.Min(tokens, work.PromptOwed), false),
                WorkPhase.Decode => new Share(work, 0, 0, 0, true),
                _ => default,
            };
            if (share is { Encode: 0, Compress: 0, Prefill: 0, Decodes: false }) continue;
            (frames, reads, tokens) = (frames - share.Encode, reads - share.Compress, tokens - share.Prefill);
            plan.Add(share);
        }
        return plan;
    }

    /// <summary>The sequence has ended; what it held is free.</summary>
    public void End(Workload work)
    {
        budget.TryChange(work.Positions, 0);
        work.Positions = 0;
        _running.Remove(work);
    }
}
