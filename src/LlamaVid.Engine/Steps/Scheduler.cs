namespace LlamaVid.Engine;

/// <summary>Decides what each step works on. Pure bookkeeping: no tensors, no clock, no I/O.</summary>
/// <remarks>
/// There are no global phases. Every sequence owes work (frames to see, then a prompt to compute, then one token per step) and each step pays a
/// bounded part of it, by turns the oldest sequence first and the one that is nearest to its first token: a short question does not wait for a film, nor a film for
/// all short questions. Running answers are never skipped, and <see cref="StepPace"/> keeps the steps short in which others' work is paid.
/// </remarks>
internal sealed class Scheduler(EngineOptions options, KvBudget budget)
{
    private readonly List<Workload> _running = [];
    private readonly StepPace _pace = new(options);

    private bool _nearestFirst = true;

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

    /// <summary>Every answer gets its next token. What else the step does is bounded by counts alone while nobody is answered, and by its price while somebody is.</summary>
    public IReadOnlyList<Share> Plan()
    {
        Share[] answers = [.. _running.Where(work => work.Phase == WorkPhase.Decode).Select(work => new Share(work, 0, 0, 0, true))];
        Workload[] owing = [.. _running.Where(work => work.Owes is not null)];
        if (owing.Length == 0) return answers;

        _nearestFirst = !_nearestFirst;
        if (_nearestFirst) owing = [.. owing.OrderBy(work => work.Distance)];
        var (frames, reads, tokens) = (options.MaxFramesPerStep, options.MaxFramesPerStep, options.MaxPrefillTokensPerStep);
        if (answers.Length > 0)
        {
            var kind = owing[0].Owes!.Value;
            var allowed = _pace.Allowance(kind, owing.TakeWhile(work => work.Distance <= options.MaxPrefillTokensPerStep).Count());
            (frames, reads, tokens) = kind switch
            {
                WorkKind.Encode => (allowed, 0, 0),
                WorkKind.Compress => (0, allowed, 0),
                _ => (0, 0, allowed),
            };
        }

        var plan = new List<Share>(answers);
        foreach (var work in owing)
        {
            var share = work.Phase == WorkPhase.See
                ? new Share(work, Math.Min(frames, work.FramesToEncode), Math.Min(reads, work.FramesToCompress), 0, false)
                : new Share(work, 0, 0, Math.Min(tokens, work.PromptOwed), false);
            if (share is { Encode: 0, Compress: 0, Prefill: 0 }) continue;
            (frames, reads, tokens) = (frames - share.Encode, reads - share.Compress, tokens - share.Prefill);
            plan.Add(share);
        }
        return plan;
    }

    /// <summary>A planned step has been made.</summary>
    public void Took(IReadOnlyList<Share> plan, TimeSpan time)
    {
        var (encoded, compressed, prefilled) = (plan.Sum(share => share.Encode), plan.Sum(share => share.Compress), plan.Sum(share => share.Prefill));
        if (!plan.Any(share => share.Decodes)) _pace.Idle();
        else if (encoded > 0) _pace.Took(WorkKind.Encode, encoded, time.TotalSeconds);
        else if (compressed > 0) _pace.Took(WorkKind.Compress, compressed, time.TotalSeconds);
        else if (prefilled > 0) _pace.Took(WorkKind.Prefill, prefilled, time.TotalSeconds);
        else _pace.TookPlain(time.TotalSeconds);
    }

    /// <summary>The sequence has ended; what it held is free.</summary>
    public void End(Workload work)
    {
        budget.TryChange(work.Positions, 0);
        work.Positions = 0;
        _running.Remove(work);
    }
}
