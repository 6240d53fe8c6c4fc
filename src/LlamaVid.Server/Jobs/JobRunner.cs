using LlamaVid.Engine;
using LlamaVid.Server.Errors;
using LlamaVid.Server.Files;
using LlamaVid.Server.Hosting;
using Microsoft.Data.Sqlite;
using Microsoft.Extensions.Options;

namespace LlamaVid.Server.Jobs;

/// <summary>Runs jobs, a bounded number at a time and behind every request that somebody waits for. A stop puts back what runs.</summary>
/// <remarks>A job is read from what the client sent each time it is begun, with the seed it was given when it was accepted: however often it is begun, it ends the same.</remarks>
internal sealed class JobRunner(JobBoard board, JobFiles files, BackgroundRun run, EngineHost engine, IOptions<JobOptions> options, TimeProvider time, ILogger<JobRunner> logger) : BackgroundService
{
    /// <summary>Below everything that a client can ask for; among themselves, jobs keep their order.</summary>
    private const int Behind = -1_000_000;

    private static readonly TimeSpan RetryDelay = TimeSpan.FromSeconds(1), LongestSweep = TimeSpan.FromMinutes(1);

    protected override async Task ExecuteAsync(CancellationToken stoppingToken)
    {
        var sweeps = SweepAsync(stoppingToken);
        await engine.Loaded.WaitAsync(stoppingToken);
        if (engine.Failure is null)
            await Task.WhenAll([sweeps, .. Enumerable.Range(0, options.Value.MaxRunning).Select(_ => WorkAsync(stoppingToken))]);
    }

    private async Task WorkAsync(CancellationToken stopping)
    {
        while (true)
        {
            try
            {
                await engine.Engine.Resumed.WaitAsync(stopping);            // a job that is taken as a drain begins is put back by the engine's refusal
                await RunAsync(await board.TakeAsync(stopping), stopping);
            }
            catch (Exception fault) when (fault is IOException or SqliteException)
            {
                Log.JobsCannotBeKept(logger, fault);                        // a full disk, for instance: no job's fault, and not for ever
                await Task.Delay(RetryDelay, time, stopping);
            }
        }
    }

    private async Task RunAsync(LiveJob job, CancellationToken stopping)
    {
        if (job.Entry.Attempts > options.Value.MaxAttempts)
        {
            board.End(job, null, ErrorMap.Map(new JobAbandonedException(options.Value.MaxAttempts), job.Entry.Id).Error);
            return;
        }
        using var stop = CancellationTokenSource.CreateLinkedTokenSource(stopping);
        try
        {
            var attempt = AttemptAsync(job, stop.Token);
            if (await Task.WhenAny(attempt, job.Ended) != attempt)
                await stop.CancelAsync();
            await EndAsync(job, await attempt, stop.Token);
        }
        catch (OperationCanceledException) when (stop.IsCancellationRequested)
        {
            board.PutBack(job, counts: false);
        }
        catch (Exception fault) when (BackgroundRun.IsPassing(fault))
        {
            await Task.WhenAny(Task.Delay(RetryDelay, time, stopping), job.Ended);      // meanwhile it counts as its owner's running one: others' go first
            board.PutBack(job, counts: fault is WorkerFailedException, behind: fault is ClientOverloadedException);
        }
        catch
        {
            board.PutBack(job, counts: true);
            throw;
        }
    }

    /// <summary>What was answered is kept until it can be written down, not computed again.</summary>
    private async Task EndAsync(LiveJob job, Answered answered, CancellationToken stopping)
    {
        while (true)
        {
            try
            {
                board.End(job, answered.Result, answered.Error);
                return;
            }
            catch (SqliteException fault) when (Disk.IsFull(fault))
            {
                Log.JobsCannotBeKept(logger, fault);
                await Task.Delay(RetryDelay, time, stopping);
            }
        }
    }

    private async Task<Answered> AttemptAsync(LiveJob job, CancellationToken cancellationToken)
    {
        var entry = job.Entry;
        var request = new BackgroundRequest(
            entry.Id, entry.Owner, entry.Endpoint, await files.ReadAsync(entry.Id, cancellationToken), files.UploadOf(entry.Id), entry.CompletionId, entry.Seed, entry.Created, Behind);
        return await run.AnswerAsync(request, job.Log, progress => job.Progress = progress, cancellationToken);
    }

    private async Task SweepAsync(CancellationToken stopping)
    {
        using var turn = new PeriodicTimer(TimeSpan.FromTicks(Math.Min(LongestSweep.Ticks, options.Value.KeepResults.Ticks)), time);
        do
            try
            {
                board.RemoveExpired();
            }
            catch (Exception fault) when (fault is IOException or SqliteException)
            {
                Log.JobsCannotBeKept(logger, fault);
            }
        while (await turn.WaitForNextTickAsync(stopping));
    }
}
