using System.Diagnostics;
using LlamaVid.Model.Decoder;
using TorchSharp;

namespace LlamaVid.Engine;

/// <summary>One life of a worker: takes sequences from the line as long as they fit, and advances all it has together, a bounded step at a time.</summary>
/// <remarks>A fault of one sequence ends that sequence. A fault of a pass, which computes for all of them, leaves <see cref="Step"/>.</remarks>
internal sealed class StepLoop : IDisposable
{
    private const int WorthWaitingFor = 32;                                 // positions that a neighbour is just computing

    private readonly Worker _worker;
    private readonly WorkerSettings _settings;
    private readonly Action _wake;
    private readonly KvBudget _budget;
    private readonly PrefixCache _prefixes;
    private readonly Scheduler _scheduler;

    public StepLoop(Worker worker, WorkerSettings settings, Action wake)
    {
        (_worker, _settings, _wake) = (worker, settings, wake);
        _budget = new(settings.KvPositions);
        _prefixes = new(_budget);
        _scheduler = new(settings.Options, _budget);
        Features = new((long)settings.Options.FeatureCacheMegabytes << 20);
    }

    public FeatureCache Features { get; }

    public WorkerLoad Load { get; private set; }

    /// <summary>One round: arrivals, bookkeeping, and one pass over everything that is due.</summary>
    public StepResult Step(bool endsRunning)
    {
        while (_settings.Queue.TryTake(_worker, Fits) is { } sequence) Begin(sequence);
        foreach (var running in Sequences.ToArray()) Settle(running, endsRunning);
        Load = new(_scheduler.Running.Count, _budget.Held, _budget.Total, Features.Bytes);

        var plan = _scheduler.Plan();
        if (plan.Count == 0) return _scheduler.Running.Count == 0 && _settings.Queue.IsClosed ? StepResult.Closed : StepResult.Idle;
        var begin = Stopwatch.GetTimestamp();
        StepRunner.Run(_settings.Model, plan);
        _scheduler.Took(plan, Stopwatch.GetElapsedTime(begin));
        return StepResult.Worked;
    }

    public void EndAll(Exception fault)
    {
        foreach (var running in Sequences.ToArray()) End(running, new GenerationEvent.Failed(fault));
    }

    public void Dispose()
    {
        _prefixes.Dispose();
        Features.Dispose();
    }

    private IEnumerable<RunningSequence> Sequences => _scheduler.Running.Cast<RunningSequence>();

    private bool Fits(Sequence sequence) =>
        _scheduler.CanStart(sequence.PlannedPositions, _prefixes.Evictable, sequence.Request.Choices) && _prefixes.MakeRoom(sequence.PlannedPositions);

    private void Begin(Sequence sequence)
    {
        if (!sequence.TryStart()) return;
        var running = new RunningSequence(sequence, _settings.Model, _settings.Tokens, _wake);
        _scheduler.Start(running, sequence.PlannedPositions);
    }

    /// <summary>Brings the numbers of a sequence up to date, moves it to its next phase, and ends it when it is over.</summary>
    private void Settle(RunningSequence running, bool endsRunning)
    {
        try
        {
            if (running.Finished is { } finished)
            {
                End(running, finished);
                return;
            }
            if (endsRunning) throw new EngineStoppedException();
            if (running.Sequence.WhyCancelled is { } why) throw why;
            if (running.Fault is { } fault) throw fault;
            if (running.LetGo() is > 0 and var free)
            {
                _scheduler.TryResize(running, running.Positions - free);
                _wake();
            }
            if (running.Phase == WorkPhase.See && !See(running)) return;
            if (running.Phase is WorkPhase.See or WorkPhase.Wait) Compute(running);
        }
        catch (Exception fault)
        {
            End(running, new GenerationEvent.Failed(fault));
        }
    }

    /// <summary>Begins and ends media items.</summary>
    /// <returns>true when all have been seen</returns>
    private bool See(RunningSequence running)
    {
        while (true)
        {
            if (running.Next is { } media)
            {
                var known = Features.Find(media.Key);
                running.Begin(known ?? NewVideo(media), wasKnown: known is not null);
            }
            if (running.Video is not { } video) return true;

            var drives = Sequences.First(other => other.Video == video) == running;
            if (!running.Look(drives)) return false;
            running.EndVideo();
            Features.Release(video);
        }
    }

    private VideoFeatures NewVideo(SequenceMedia media)
    {
        var (model, options) = (_settings.Model, _settings.Options);
        var bytes = media.Plan.ExpectedFrames * model.FeaturesPerFrame * model.Config.Vision!.HiddenSize * model.Placement.Dtype.ElementSize();
        var (opened, isKept) = (media.HandOver(), Features.Keeps(bytes));
        var video = _settings.Store?.TryOpen(media.Key, model) is { } file
            ? new VideoFeatures(media.Key, opened, new StoredFeatures(file, model.Placement.Device, Tower, fault => _settings.Store.Delete(media.Key, fault), _wake), bytes, isKept)
            : new VideoFeatures(media.Key, opened, Tower(0), bytes, isKept, _settings.Store?.Begin(media.Key, media.Plan.ExpectedFrames));
        Features.Add(video);
        return video;

        IFeatureSource Tower(int skip) =>
            new TowerFeatures(model, new FrameFeed(opened, media.Plan, model.Preprocessor!, media.Fit, skip, 2 * options.MaxFramesPerStep, _wake));
    }

    /// <summary>All is seen: begins with the prompt, once its positions are free and nobody is just computing the same beginning.</summary>
    private void Compute(RunningSequence running)
    {
        var needed = running.LayOut(_settings.Card, _settings.Options);
        var (_, known) = _prefixes.Longest(running.Keys!);
        if (Sequences.Any(other => other.Phase == WorkPhase.Prefill && other.Keys!.CommonPrefix(running.Keys!) > known + WorthWaitingFor)) return;

        if (!_prefixes.MakeRoom(needed - running.Positions) || !_scheduler.TryResize(running, needed))
        {
            _scheduler.TryResize(running, 0);
            _wake();
            return;
        }
        var (source, length) = Longest(running.Keys!);
        running.StartPrefill(source, length);
    }

    /// <summary>Who has computed most of a prompt's beginning: a sequence that has ended, or one that is being answered.</summary>
    private (KvCache? Cache, int Length) Longest(PositionKeys keys)
    {
        var best = _prefixes.Longest(keys);
        foreach (var other in Sequences.Where(other => other.Phase == WorkPhase.Decode))
            if (other.Keys!.CommonPrefix(keys) is var common && common > best.Length)
                best = (other.Answering[0].Cache, common);
        return best;
    }

    private void End(RunningSequence running, GenerationEvent last)
    {
        if (running.Video is not null) Features.Release(running.EndVideo());
        _scheduler.End(running);
        if (last is GenerationEvent.Finished && running.HandOverCache() is { } kept) _prefixes.Keep(kept.Keys, kept.Cache);
        running.Dispose();
        running.Sequence.DisposeAsync().AsTask().GetAwaiter().GetResult();
        running.Sequence.End(last);
        _wake();                                                            // there is room for somebody who waits
    }
}
