using System.Text;
using System.Text.Json;
using System.Threading.Channels;
using LlamaVid.Engine;
using LlamaVid.Server.Errors;
using LlamaVid.Server.Features.ChatCompletions;
using LlamaVid.Server.Files;
using LlamaVid.Server.Hosting;
using LlamaVid.Server.OpenAi;
using LlamaVid.Server.Telemetry;
using Microsoft.Data.Sqlite;
using Microsoft.Extensions.Options;

namespace LlamaVid.Server.Jobs.Batches;

/// <summary>Answers the lines of batches, a bounded number at a time and behind everything else, and makes files of the answers. A bad line is a line of the error file.</summary>
internal sealed class BatchRunner(
    BatchBoard board, JobRoom room, BackgroundRun run, FileStore store, EngineHost engine, IOptions<JobOptions> options, IOptions<ServerOptions> server, ServerMetrics metrics, TimeProvider time,
    ILogger<BatchRunner> logger) : BackgroundService
{
    private const int Behind = -2_000_000;

    private static readonly TimeSpan RetryDelay = TimeSpan.FromSeconds(1), NoRoomDelay = TimeSpan.FromSeconds(10);

    private readonly SemaphoreSlim _places = new(options.Value.MaxRunning);

    private BatchTable Table => board.Table;

    protected override async Task ExecuteAsync(CancellationToken stoppingToken)
    {
        var accepted = Channel.CreateUnbounded<string>();
        board.Accepted += id => accepted.Writer.TryWrite(id);
        foreach (var id in board.Waiting) accepted.Writer.TryWrite(id);
        await engine.Loaded.WaitAsync(stoppingToken);
        if (engine.Failure is not null) return;
        RemoveExpired();
        var running = new List<Task>();
        try
        {
            await foreach (var id in accepted.Reader.ReadAllAsync(stoppingToken))
            {
                running.RemoveAll(batch => batch.IsCompleted);
                running.Add(RunAsync(id, stoppingToken));
                RemoveExpired();
            }
        }
        finally
        {
            await Task.WhenAll(running);
        }
    }

    public override void Dispose()
    {
        _places.Dispose();
        base.Dispose();
    }

    private void RemoveExpired()
    {
        try
        {
            board.RemoveExpired();
        }
        catch (SqliteException fault)                                       // the next batch tries again
        {
            Log.JobsCannotBeKept(logger, fault);
        }
    }

    private async Task RunAsync(string id, CancellationToken stopping)
    {
        while (!stopping.IsCancellationRequested)
        {
            try
            {
                await RunAsync(Table.Find(id)!, stopping);
                return;
            }
            catch (OperationCanceledException) when (stopping.IsCancellationRequested)
            {
                return;                                                     // the next start goes on
            }
            catch (Exception fault) when (fault is IOException or SqliteException or FileQuotaExceededException)
            {
                Log.JobsCannotBeKept(logger, fault);
                await Task.Delay(NoRoomDelay, time, stopping);
            }
        }
    }

    private async Task RunAsync(BatchEntry batch, CancellationToken stopping)
    {
        var ranOut = false;
        var cancelled = board.CancelledOf(batch.Id);
        using var stop = CancellationTokenSource.CreateLinkedTokenSource(stopping, cancelled);
        var left = batch.Expires - time.GetUtcNow();
        using var window = new CancellationTokenSource(left > TimeSpan.Zero ? left : TimeSpan.Zero, time);
        using var either = CancellationTokenSource.CreateLinkedTokenSource(stop.Token, window.Token);
        try
        {
            if (batch.Status == BatchStatus.Validating)
            {
                batch = batch with { Total = await CountAsync(batch, either.Token), Status = BatchStatus.InProgress, Began = time.GetUtcNow() };
                if (batch.Total > BatchLine.Most)
                {
                    End(batch with { Status = BatchStatus.Failed, Fault = Fault("too_many_lines", $"The file has {batch.Total} lines; the limit is {BatchLine.Most}. Send several batches.") });
                    return;
                }
                Table.Set(batch);
            }
            if (batch.Status == BatchStatus.InProgress)
                await AnswerAsync(batch, either.Token);
        }
        catch (OperationCanceledException) when (!stopping.IsCancellationRequested)
        {
            ranOut = true;                                                  // or was cancelled: what has been answered is kept
        }
        var isCancelled = cancelled.IsCancellationRequested || batch.Status == BatchStatus.Cancelling;
        if (!isCancelled) Table.Set(batch with { Status = BatchStatus.Finalizing });
        End(batch with
        {
            Status = isCancelled ? BatchStatus.Cancelled : ranOut ? BatchStatus.Expired : BatchStatus.Completed,
            OutputFile = await FileAsync(batch, failed: false, stopping),
            ErrorFile = await FileAsync(batch, failed: true, stopping),
        });
    }

    private void End(BatchEntry batch)
    {
        board.End(batch with { Ended = time.GetUtcNow() });
        metrics.Jobs.BatchesEnded.WithLabels(batch.Status.ToString().ToLowerInvariant()).Inc();
    }

    private async Task<int> CountAsync(BatchEntry batch, CancellationToken cancellationToken)
    {
        var count = 0;
        await using var input = Input(batch);
        await foreach (var _ in LineReader.ReadAsync(input, longest: 0, cancellationToken)) count++;
        return count;
    }

    private async Task AnswerAsync(BatchEntry batch, CancellationToken cancellationToken)
    {
        var answered = Table.Answered(batch.Id);
        var lines = new List<Task>();
        await using var input = Input(batch);
        try
        {
            await foreach (var (number, text) in LineReader.ReadAsync(input, BatchLine.LongestOf(server.Value), cancellationToken))
            {
                if (answered.Contains(number)) continue;
                if (lines.Find(line => line.IsFaulted) is { } broken) await broken;
                lines.RemoveAll(line => line.IsCompletedSuccessfully);
                await _places.WaitAsync(cancellationToken);
                lines.Add(AnswerInPlaceAsync(batch, number, text, cancellationToken));
            }
        }
        finally
        {
            await Task.WhenAll(lines);
        }
    }

    private async Task AnswerInPlaceAsync(BatchEntry batch, int number, byte[]? text, CancellationToken cancellationToken)
    {
        try
        {
            var line = new BatchLine();
            await engine.Engine.Resumed.WaitAsync(cancellationToken);
            var answered = Table.Begin(batch.Id, number) > options.Value.MaxAttempts
                ? Refused(new JobAbandonedException(options.Value.MaxAttempts), number)
                : await AnswerAsync(batch, number, line, text, cancellationToken);
            await KeepAsync(batch, number, answered.Error is not null, line.Answer(NameOf(batch, number), answered), cancellationToken);
        }
        finally
        {
            _places.Release();
        }
    }

    /// <summary>What was answered is kept until it can be written down, not computed again.</summary>
    private async Task KeepAsync(BatchEntry batch, int number, bool failed, string answer, CancellationToken cancellationToken)
    {
        while (true)
        {
            try
            {
                board.Answer(batch.Id, number, failed, answer);
                metrics.Jobs.BatchLines.WithLabels(failed ? "failed" : "completed").Inc();
                return;
            }
            catch (SqliteException fault) when (Disk.IsFull(fault))
            {
                Log.JobsCannotBeKept(logger, fault);
                await Task.Delay(RetryDelay, time, cancellationToken);
            }
        }
    }

    private async Task<Answered> AnswerAsync(BatchEntry batch, int number, BatchLine line, byte[]? text, CancellationToken cancellationToken)
    {
        try
        {
            if (text is null) throw new BadHttpRequestException("too long", StatusCodes.Status413PayloadTooLarge);
            line.Read(text);
            if (!Table.Name(batch.Id, number, line.Name!)) throw new Requests.InvalidRequestException("custom_id", "'custom_id' is another line's, too. Give each line its own.");
            room.RequireAny();
        }
        catch (Exception fault) when (fault is Requests.InvalidRequestException or BadHttpRequestException or JobSpaceException)
        {
            return Refused(fault, number);
        }
        var request = new BackgroundRequest(
            batch.Id, batch.Owner, ChatCompletionsEndpoint.Route, line.Body, null, $"chatcmpl-{batch.Id[6..]}-{number}", batch.Seed + number, batch.Created, Behind);
        while (true)
        {
            try
            {
                return await run.AnswerAsync(request, new JobLog(), _ => { }, cancellationToken);
            }
            catch (Exception fault) when (BackgroundRun.IsPassing(fault))
            {
                await Task.Delay(RetryDelay, time, cancellationToken);
                await engine.Engine.Resumed.WaitAsync(cancellationToken);
            }
        }
    }

    /// <summary>The answers as a file of the owner's; null when there are none. Made once, also when the process ended in between.</summary>
    private async Task<string?> FileAsync(BatchEntry batch, bool failed, CancellationToken cancellationToken)
    {
        var name = $"{batch.Id}_{(failed ? "error" : "output")}.jsonl";
        if (store.Page(batch.Owner, FilePurpose.BatchOutput, null, newestFirst: true, 1000).Find(file => file.Name == name) is { } made) return made.Id;
        if (Table.Answers(batch.Id, failed, after: 0).Count == 0) return null;
        using var file = store.Begin();
        for (var page = Table.Answers(batch.Id, failed, after: 0); page.Count > 0; page = Table.Answers(batch.Id, failed, page[^1].Line))
            foreach (var (_, answer) in page)
                await file.WriteAsync(Encoding.UTF8.GetBytes(answer + "\n"), cancellationToken);
        return store.Keep(file, batch.Owner, name, FilePurpose.BatchOutput).Id;
    }

    private FileStream Input(BatchEntry batch) => new(board.InputOf(batch.Id), FileMode.Open, FileAccess.Read, FileShare.Read, 1, FileOptions.Asynchronous | FileOptions.SequentialScan);

    private static string NameOf(BatchEntry batch, int number) => $"batch_req_{batch.Id[6..]}_{number}";

    private static Answered Refused(Exception fault, int number)
    {
        var (status, error) = ErrorMap.Map(fault, $"line {number}");
        return new(status, null, error);
    }

    private static string Fault(string code, string message) =>
        JsonSerializer.Serialize(new Error(message, "invalid_request_error", null, code), OpenAiJson.Wire.Error);
}
