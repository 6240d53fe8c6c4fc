using System.Diagnostics;
using System.Runtime.CompilerServices;
using System.Text.Json;
using LlamaVid.Engine;
using LlamaVid.Media;
using LlamaVid.Server.Answers;
using LlamaVid.Server.Errors;
using LlamaVid.Server.Features.Ask;
using LlamaVid.Server.Files;
using LlamaVid.Server.Hosting;
using LlamaVid.Server.OpenAi;
using LlamaVid.Server.Requests;
using Microsoft.Extensions.Options;

namespace LlamaVid.Server.Jobs;

/// <summary>Runs jobs through the engine, a bounded number at a time and behind every request that somebody waits for. A stop puts back what runs.</summary>
/// <remarks>A job is read from what the client sent each time it is begun, with the seed it was given when it was accepted: however often it is begun, it ends the same.</remarks>
internal sealed class JobRunner(
    JobBoard board, JobFiles files, FileStore store, EngineHost engine, RequestReader reader, IOptions<JobOptions> options, IOptions<ServerOptions> server, TimeProvider time,
    ILogger<JobRunner> logger) : BackgroundService
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
            await RunAsync(await board.TakeAsync(stopping), stopping);
    }

    private async Task RunAsync(LiveJob job, CancellationToken stopping)
    {
        using var stop = CancellationTokenSource.CreateLinkedTokenSource(stopping);
        try
        {
            if (job.Entry.Attempts > options.Value.MaxAttempts)
                throw new JobAbandonedException(options.Value.MaxAttempts);
            var attempt = AttemptAsync(job, stop.Token);
            if (await Task.WhenAny(attempt, job.Ended) != attempt)
                await stop.CancelAsync();
            board.End(job, await attempt, error: null);
        }
        catch (OperationCanceledException) when (stop.IsCancellationRequested)
        {
            board.PutBack(job, counts: false);
        }
        catch (Exception fault) when (IsPassing(fault))
        {
            board.PutBack(job, counts: fault is WorkerFailedException);
            await Task.Delay(RetryDelay, time, stopping);
        }
        catch (Exception fault)
        {
            var (status, error) = ErrorMap.Map(fault, job.Entry.Id, job.MediaPath);
            if (status == StatusCodes.Status500InternalServerError)
                Log.JobFailed(logger, fault, job.Entry.Id);
            board.End(job, result: null, error);
        }
    }

    private async Task<string> AttemptAsync(LiveJob job, CancellationToken cancellationToken)
    {
        using var uploads = new RequestFiles(store, job.Entry.Owner);
        var request = await ReadAsync(job.Entry, uploads, cancellationToken);
        if (request.Model is { } model && model != engine.ModelName)
            throw new ModelNotFoundException(model, engine.ModelName);
        job.MediaPath = request.Answer.MediaPath;
        var generation = request.Generation with
        {
            Id = job.Entry.CompletionId, Priority = Behind + request.Generation.Priority, Sampling = request.Generation.Sampling with { Seed = job.Entry.Seed },
        };
        var seen = new List<GenerationEvent>();
        await using var running = engine.Engine.Submit(generation);
        await new StreamedAnswer(job.Log, NewAnswer(), request.Answer, time, server.Value.KeepAlive, fault => throw new UnreachableException(null, fault))
            .WriteAsync(WatchAsync(running.Events, job, seen, cancellationToken), cancellationToken);
        var whole = await WholeAnswer.CollectAsync(
            seen.ToAsyncEnumerable(), NewAnswer(), request.Answer, job.Entry.Endpoint == AskEndpoint.Route, cancellationToken);
        return JsonSerializer.Serialize(whole, OpenAiJson.Wire.ChatCompletion);

        AnswerBuilder NewAnswer() => new(job.Entry.CompletionId, engine.ModelName, job.Entry.Created.ToUnixTimeSeconds());
    }

    private async Task<ChatRequest> ReadAsync(JobEntry job, RequestFiles uploads, CancellationToken cancellationToken)
    {
        var body = await files.ReadAsync(job.Id, cancellationToken);
        var draft = reader.NewDraft(uploads);
        if (job.Endpoint == AskEndpoint.Route)
            draft.Question = "";
        if (files.UploadOf(job.Id) is { } upload)
            draft.QuestionPart.Media = new(new MediaSource.LocalFile(upload.Path), upload.Kind, upload.Field);
        RequestReader.Read(body, job.Endpoint == AskEndpoint.Route ? AskFields.Json : RequestReader.ChatFields, draft);
        return reader.Finish(draft);
    }

    /// <summary>Passes the events on, remembers those that the result is made of, and tells the board how far the job is.</summary>
    private static async IAsyncEnumerable<GenerationEvent> WatchAsync(
        IAsyncEnumerable<GenerationEvent> events, LiveJob job, List<GenerationEvent> seen, [EnumeratorCancellation] CancellationToken cancellationToken)
    {
        await foreach (var @event in events.WithCancellation(cancellationToken))
        {
            if (@event is GenerationEvent.Queued or GenerationEvent.Progress)
                job.Progress = @event;
            else
                seen.Add(@event);
            yield return @event;
        }
    }

    private async Task SweepAsync(CancellationToken stopping)
    {
        using var turn = new PeriodicTimer(TimeSpan.FromTicks(Math.Min(LongestSweep.Ticks, options.Value.KeepResults.Ticks)), time);
        do
            board.RemoveExpired();
        while (await turn.WaitForNextTickAsync(stopping));
    }

    /// <summary>What says nothing about the job: it would end well at another time.</summary>
    private static bool IsPassing(Exception fault) => fault is
        EngineOverloadedException or ClientOverloadedException or QueueTimeoutException or WorkerFailedException or EngineStoppedException or EngineLoadingException;
}
