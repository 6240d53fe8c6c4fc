using System.Diagnostics;

namespace LlamaVid.Training.Loop;

/// <summary>
/// Runs an objective from its first to its last step, or from the step that was saved. Everything it does is a function of plan and objective.
/// </summary>
/// <remarks>
/// On one machine and with one count of threads a run that was stopped at any moment and continued gives the same bits as one that was not.
/// One thread runs it; the objective's parameters are its own until it is disposed.
/// </remarks>
internal sealed class TrainingRun : IDisposable
{
    private readonly IObjective _objective;
    private readonly TrainingPlan _plan;
    private readonly RunFiles _files;
    private readonly CosineSchedule _schedule;
    private readonly AdamW _optimizer;
    private readonly Parameter[] _values;
    private readonly Scalar _share;
    private readonly double _secondsBefore;

    /// <exception cref="RunExistsException">The folder has a run that is not to be continued.</exception>
    /// <exception cref="RunMismatchException">It is to be continued and is another one.</exception>
    public TrainingRun(IObjective objective, TrainingPlan plan, RunFiles files)
    {
        (_objective, _plan, _files) = (objective, plan, files);
        var hasState = File.Exists(files.State);
        if (hasState && !files.Resume) throw new RunExistsException(files.Folder, RunState.Peek(files.State).Step);

        Directory.CreateDirectory(files.Folder);
        _schedule = new(plan.LearningRate, plan.Steps, plan.WarmUp);
        _values = [.. objective.Parameters.Select(parameter => parameter.Value)];
        foreach (var value in _values) value.requires_grad = true;
        _share = (1.0 / plan.Accumulate).ToScalar();
        _optimizer = new(objective.Parameters, plan.WeightDecay);
        if (hasState) (Step, _secondsBefore) = RunState.Restore(files, objective, _optimizer, plan);
    }

    /// <summary>Steps that are done.</summary>
    public long Step { get; private set; }

    /// <summary>Trains to the plan's last step, saves, and draws the log.</summary>
    /// <param name="report">gets every line of the log about steps</param>
    /// <param name="notes">lines for the head of the log: samples that were left out</param>
    /// <exception cref="DivergedException">The loss is not a number any more.</exception>
    /// <exception cref="OperationCanceledException">Asked to stop: the state is saved.</exception>
    public void Run(Action<StepReport> report, CancellationToken cancellationToken, IEnumerable<object>? notes = null)
    {
        using (var log = new RunLog(_files.Log, Step, notes ?? [])) Advance(log, report, cancellationToken);
        RunPlots.Write(_files);
        if (Step < _plan.Steps) cancellationToken.ThrowIfCancellationRequested();
    }

    private void Advance(RunLog log, Action<StepReport> report, CancellationToken cancellationToken)
    {
        var started = Stopwatch.GetTimestamp();
        var since = new Sums(Step, Seconds());
        var saved = Step;
        while (Step < _plan.Steps && !cancellationToken.IsCancellationRequested)
        {
            var rate = _schedule.At(Step);
            var norm = Advance(rate, ref since);
            Step++;
            var isSaving = _files.CheckpointEvery > 0 && Step % _files.CheckpointEvery == 0;
            if (isSaving || Step % _files.LogEvery == 0 || Step == _plan.Steps || cancellationToken.IsCancellationRequested)
            {
                var line = since.Report(Step, rate, norm, Seconds());
                log.Add(line);
                report(line);
                since = new(Step, Seconds());
            }
            if (isSaving) Save();
        }
        if (saved != Step) Save();

        double Seconds() => _secondsBefore + Stopwatch.GetElapsedTime(started).TotalSeconds;

        void Save()
        {
            RunState.Save(_files.State, _objective, _optimizer, _plan, new(Step, Seconds()));
            saved = Step;
        }
    }

    /// <summary>One step: the micro-batches' gradients, clipped, then the optimizer.</summary>
    /// <returns>the gradient's norm before it was clipped</returns>
    private double Advance(double rate, ref Sums since)
    {
        var loss = 0.0;
        for (var part = 0; part < _plan.Accumulate; part++)
        {
            using var scope = NewDisposeScope();
            manual_seed(Seeds.Mix(_plan.Seed, Step, part)).Dispose();
            var measured = _objective.Loss(Step, part, _plan.Seed);
            loss += since.Add(measured, _plan.Accumulate);
            measured.Loss.mul(_share).backward();
        }
        var norm = nn.utils.clip_grad_norm_(_values, _plan.MaxGradNorm);
        if (!double.IsFinite(loss) || !double.IsFinite(norm)) throw new DivergedException(Step, loss, norm, rate);
        _optimizer.Step(rate, Step);
        foreach (var value in _values) value.grad = null;
        return norm;
    }

    public void Dispose()
    {
        foreach (var value in _values)
        {
            value.grad = null;
            value.requires_grad = false;
        }
        _optimizer.Dispose();
        _share.Dispose();
    }

    /// <summary>What happened since the last line of the log.</summary>
    private struct Sums(long step, double seconds)
    {
        private double _loss, _accuracy;
        private int _samples;
        private bool _hasAccuracy;
        private Dictionary<string, (int Count, int Right)>? _kinds;

        /// <returns>the loss</returns>
        public double Add(Measured measured, int parts)
        {
            var loss = measured.Loss.ToDouble();
            _loss += loss / parts;
            _samples += measured.Samples;
            _hasAccuracy = measured.Accuracy is not null;
            _accuracy += (measured.Accuracy ?? 0) / parts;
            foreach (var (kind, isRight) in measured.Kinds ?? [])
            {
                var (count, right) = (_kinds ??= []).GetValueOrDefault(kind);
                _kinds[kind] = (count + 1, right + (isRight ? 1 : 0));
            }
            return loss;
        }

        public readonly StepReport Report(long until, double rate, double norm, double now) => new(
            until, _loss / (until - step), _hasAccuracy ? _accuracy / (until - step) : null, rate, norm,
            Math.Round(_samples / Math.Max(1e-9, now - seconds), 2), Math.Round(now, 3),
            _kinds is null ? null : new(_kinds.ToDictionary(each => each.Key, each => Math.Round(each.Value.Right / (double)each.Value.Count, 4))));
    }
}
