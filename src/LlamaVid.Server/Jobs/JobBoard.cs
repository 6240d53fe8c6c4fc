using System.Security.Cryptography;
using System.Text.Json;
using LlamaVid.Server.Composition;
using LlamaVid.Server.Errors;
using LlamaVid.Server.OpenAi;
using LlamaVid.Server.Telemetry;
using Microsoft.Data.Sqlite;
using Microsoft.Extensions.Options;

namespace LlamaVid.Server.Jobs;

/// <summary>Every job there is, from its acceptance, which is on disk before it is told, to its end, which is told when it is on disk. Runs nothing itself.</summary>
internal sealed class JobBoard : IDisposable
{
    private const string IdStart = "job-";

    private readonly JobOptions _options;
    private readonly TimeProvider _time;
    private readonly JobStore _store;
    private readonly JobFiles _files;
    private readonly NamedFiles _named;
    private readonly JobRoom _room;
    private readonly JobMetrics _metrics;
    private readonly SemaphoreSlim _pendingCount = new(0), _webhookDue = new(0);

    private readonly Lock _gate = new();
    private readonly Dictionary<string, LiveJob> _live = [];
    private readonly LinkedList<LiveJob> _pending = [];                    // oldest first
    private readonly Dictionary<string, int> _runningOf = [];               // by owner
    private readonly Dictionary<string, int> _keptOf = [];

    /// <exception cref="StartupException">the folder cannot be used</exception>
    public JobBoard(JobFiles files, NamedFiles named, JobRoom room, IOptions<JobOptions> options, ServerMetrics metrics, TimeProvider time)
    {
        (_files, _named, _room, _options, _metrics, _time) = (files, named, room, options.Value, metrics.Jobs, time);
        try
        {
            _store = new(files.Database);
            foreach (var (owner, count, bytes) in _store.Totals())
            {
                _keptOf[owner] = count;
                _room.Change(bytes);
            }
            foreach (var job in _store.Waiting())
                Queue(new LiveJob(job));
            _files.Sweep(_live.Keys.ToHashSet());
            _named.Sweep(IdStart, _live.Keys.ToHashSet());
            _metrics.WatchJobs(Count, _room);
        }
        catch (SqliteException fault)
        {
            throw new StartupException($"{files.Database} cannot be used: {fault.Message} Restore it, or move it away to begin without jobs.");
        }
    }

    /// <exception cref="JobQuotaException"></exception>
    /// <exception cref="JobSpaceException"></exception>
    public async Task<JobEntry> AcceptAsync(string owner, JobOrder order, CancellationToken cancellationToken)
    {
        var bytes = order.Body.Length + (order.Upload is { } upload ? new FileInfo(upload.Path).Length : 0);
        Reserve(owner, bytes);
        var id = $"{IdStart}{RandomNumberGenerator.GetHexString(24, lowercase: true)}";
        try
        {
            await _files.WriteAsync(id, order, cancellationToken);
            await _named.KeepAsync(id, order.Files, cancellationToken);
            var job = new JobEntry(id, owner, order.Endpoint, order.CompletionId, order.Seed, _time.GetUtcNow(), 0, null, JobStatus.Queued, null, bytes)
            {
                Webhook = order.Webhook is null ? null : new("pending", 0),
            };
            _store.Add(job, order.Webhook);
            Queue(new LiveJob(job));
            return job;
        }
        catch
        {
            _files.Delete(id);
            _named.Release(id);
            Release(owner, bytes);
            throw;
        }
    }

    public (JobEntry Entry, LiveJob? Live) Find(string owner, string id)
    {
        lock (_gate)
            if (_live.TryGetValue(id, out var live) && live.Entry.Owner == owner)
                return (live.Entry, live);
        return _store.Find(owner, id) is { } entry ? (entry, null) : throw new JobNotFoundException(id);
    }

    public IReadOnlyList<JobEntry> List(string owner, string? after, int count) =>
        after is null || _store.Find(owner, after) is not null ? _store.List(owner, after, count) : throw new JobNotFoundException(after);

    public JobOutcome Outcome(string id) => _store.Outcome(id);

    /// <summary>The next job to run, begun on disk: the oldest of those whose owners have the fewest running.</summary>
    public async Task<LiveJob> TakeAsync(CancellationToken cancellationToken)
    {
        while (true)
        {
            await _pendingCount.WaitAsync(cancellationToken);
            lock (_gate)
            {
                if (_pending.MinBy(job => _runningOf.GetValueOrDefault(job.Entry.Owner)) is not { } job)
                    continue;                                               // it was cancelled meanwhile
                var begun = job.Entry with { Status = JobStatus.Running, Attempts = job.Entry.Attempts + 1, Started = _time.GetUtcNow() };
                try
                {
                    _store.Begin(begun.Id, begun.Attempts, begun.Started.Value);
                }
                catch
                {
                    _pendingCount.Release();                                // it still waits
                    throw;
                }
                _pending.Remove(job);
                _runningOf[begun.Owner] = _runningOf.GetValueOrDefault(begun.Owner) + 1;
                job.Entry = begun;
                return job;
            }
        }
    }

    /// <summary>It waits again, in front of its owner's younger ones.</summary>
    /// <param name="counts">Whether the attempt speaks against the job.</param>
    /// <param name="behind">Behind all others instead: what kept it from being run does not keep them.</param>
    public void PutBack(LiveJob job, bool counts, bool behind = false)
    {
        lock (_gate)
        {
            Leave(job);
            if (!_live.ContainsKey(job.Entry.Id)) return;                   // it was cancelled meanwhile
            job.Entry = job.Entry with { Status = JobStatus.Queued, Attempts = job.Entry.Attempts - (counts ? 0 : 1) };
            job.Progress = null;
            job.Log.Restart();
            if (behind) _pending.AddLast(job);
            else _pending.AddFirst(job);
            _pendingCount.Release();
            if (!counts) _store.Begin(job.Entry.Id, job.Entry.Attempts, job.Entry.Started!.Value);
        }
    }

    /// <summary>Ends a running job with its result or its fault; nothing when it was cancelled meanwhile.</summary>
    public void End(LiveJob job, string? result, Error? error)
    {
        Settle(job, error is null ? JobStatus.Completed : JobStatus.Failed, result, error);
        lock (_gate) Leave(job);
    }

    /// <summary>Cancels a job that has not ended and removes one that has.</summary>
    /// <returns>True when it was removed.</returns>
    public bool Delete(string owner, string id)
    {
        var (entry, live) = Find(owner, id);
        if (live is not null)
        {
            Settle(live, JobStatus.Cancelled, null, ErrorMap.Map(new JobCancelledException(), id).Error);
            return false;
        }
        Remove(entry);
        return true;
    }

    public void RemoveExpired()
    {
        foreach (var job in _store.EndedBefore(_time.GetUtcNow() - _options.KeepResults))
            Remove(job);
    }

    public (IReadOnlyList<DueWebhook> Due, DateTimeOffset? Next) DueWebhooks() => _store.DueWebhooks(_time.GetUtcNow());

    public void SettleWebhook(string job, int tries, string status) => _store.SetWebhook(job, tries, status, due: null);

    public void PutOffWebhook(string job, int tries, DateTimeOffset due) => _store.SetWebhook(job, tries, "pending", due);

    /// <summary>Until a job with a webhook may have ended, or for <paramref name="longest"/>.</summary>
    public Task WaitForWebhookAsync(TimeSpan longest, CancellationToken cancellationToken) => _webhookDue.WaitAsync(longest, cancellationToken);

    public void Dispose()
    {
        _store.Dispose();
        _pendingCount.Dispose();
        _webhookDue.Dispose();
    }

    private void Settle(LiveJob job, JobStatus status, string? result, Error? error)
    {
        var errorJson = error is null ? null : JsonSerializer.Serialize(error, OpenAiJson.Wire.Error);
        var last = error is null ? "[DONE]" : $$"""{"error":{{errorJson}}}""";
        lock (_gate)
        {
            var outcome = new JobOutcome(status, result, errorJson, [.. job.Log.Chunks, last]);
            if (!_live.ContainsKey(job.Entry.Id) || !_store.End(job.Entry.Id, outcome, _time.GetUtcNow())) return;
            _live.Remove(job.Entry.Id);
            _pending.Remove(job);
            _room.Change(outcome.Bytes - job.Entry.Bytes);
        }
        try
        {
            _files.Delete(job.Entry.Id);
            _named.Release(job.Entry.Id);
        }
        finally
        {
            job.Log.Close(last);
            job.SetEnded();
        }
        _metrics.Ended.WithLabels(JobView.Name(status)).Inc();
        if (job.Entry.Webhook is not null) _webhookDue.Release();
    }

    private void Remove(JobEntry job)
    {
        if (_store.Remove(job.Id)) Release(job.Owner, job.Bytes);
    }

    private void Queue(LiveJob job)
    {
        lock (_gate)
        {
            _live.Add(job.Entry.Id, job);
            _pending.AddLast(job);
        }
        _pendingCount.Release();
    }

    private (int Waiting, int Running) Count()
    {
        lock (_gate) return (_pending.Count, _runningOf.Values.Sum());
    }

    private void Leave(LiveJob job)
    {
        if (--_runningOf[job.Entry.Owner] == 0) _runningOf.Remove(job.Entry.Owner);
    }

    private void Reserve(string owner, long bytes)
    {
        lock (_gate)
        {
            var kept = _keptOf.GetValueOrDefault(owner);
            if (kept >= _options.MaxPerOwner) throw new JobQuotaException(kept, _options.MaxPerOwner);
            _room.Reserve(bytes);
            _keptOf[owner] = kept + 1;
        }
    }

    private void Release(string owner, long bytes)
    {
        lock (_gate)
        {
            if (--_keptOf[owner] == 0) _keptOf.Remove(owner);
            _room.Change(-bytes);
        }
    }
}
