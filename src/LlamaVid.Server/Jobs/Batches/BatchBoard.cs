using System.Security.Cryptography;
using System.Text;
using LlamaVid.Server.Composition;
using LlamaVid.Server.Files;
using LlamaVid.Server.Requests;
using LlamaVid.Server.Telemetry;
using Microsoft.Data.Sqlite;
using Microsoft.Extensions.Options;

namespace LlamaVid.Server.Jobs.Batches;

/// <summary>Every batch there is: accepted with a copy of its input and the files that its lines name, so that it needs nothing that somebody may delete, and told of with its counts. Runs nothing.</summary>
internal sealed class BatchBoard : IDisposable
{
    private const string IdStart = "batch_";
    private const int MostFiles = 100_000;

    private readonly FileStore _store;
    private readonly NamedFiles _named;
    private readonly JobRoom _room;
    private readonly JobOptions _options;
    private readonly ServerOptions _server;
    private readonly TimeProvider _time;
    private readonly Database _database;
    private readonly string _inputs;
    private readonly Lock _gate = new();
    private readonly Dictionary<string, CancellationTokenSource> _live = [];

    /// <exception cref="StartupException">the table cannot be used</exception>
    public BatchBoard(
        JobFiles files, NamedFiles named, FileStore store, JobRoom room, IOptions<JobOptions> options, IOptions<ServerOptions> server, ServerMetrics metrics, TimeProvider time)
    {
        (_named, _store, _room, _options, _server, _time, _inputs) = (named, store, room, options.Value, server.Value, time, Path.Combine(files.Folder, "batches"));
        var path = Path.Combine(files.Folder, "batches.db");
        try
        {
            Directory.CreateDirectory(_inputs);
            _database = new(path, BatchTable.Schema);
        }
        catch (SqliteException fault)
        {
            throw new StartupException($"{path} cannot be used: {fault.Message} Restore it, or move it away to begin without batches.");
        }
        Table = new(_database);
        foreach (var batch in Table.Waiting()) _live.Add(batch.Id, new());
        foreach (var input in Directory.EnumerateFiles(_inputs))
            if (_live.ContainsKey(Path.GetFileName(input))) _room.Change(new FileInfo(input).Length);
            else File.Delete(input);                                        // never acknowledged, or ended
        _room.Change(Table.AnswerBytes(batch: null));
        _named.Sweep(IdStart, _live.Keys.ToHashSet());
        Waiting = [.. _live.Keys];
        metrics.Jobs.WatchBatches(() => { lock (_gate) return _live.Count; });
    }

    public BatchTable Table { get; }

    /// <summary>Those that the process before has left, oldest first.</summary>
    public IReadOnlyList<string> Waiting { get; }

    /// <summary>Told of every new batch.</summary>
    public event Action<string>? Accepted;

    public string InputOf(string id) => Path.Combine(_inputs, id);

    public async Task<BatchEntry> AcceptAsync(string owner, string inputFile, string metadata, CancellationToken cancellationToken)
    {
        using var held = _store.Hold(owner, inputFile, "input_file_id");
        if (held.File.Purpose != FilePurpose.Batch)
            throw new InvalidRequestException("input_file_id", $"'input_file_id' names a file for {held.File.Purpose.Wire()}. Upload JSON Lines with purpose batch.");
        var kept = Table.Waiting().Count(batch => batch.Owner == owner);
        if (kept >= _options.MaxBatchesPerOwner) throw new BatchQuotaException(kept, _options.MaxBatchesPerOwner);

        var batch = new BatchEntry(
            $"{IdStart}{RandomNumberGenerator.GetHexString(24, lowercase: true)}", owner, inputFile, metadata, RandomNumberGenerator.GetInt32(int.MaxValue),
            BatchStatus.Validating, _time.GetUtcNow(), null, null, 0, null, null, null);
        _room.Reserve(held.File.Bytes);
        try
        {
            await using (var copy = new FileStream(InputOf(batch.Id), FileMode.CreateNew, FileAccess.Write, FileShare.None, 1, FileOptions.Asynchronous))
            {
                await held.Bytes.CopyToAsync(copy, cancellationToken);
                copy.Flush(flushToDisk: true);
            }
            Disk.SyncFolder(_inputs);
            await KeepNamedAsync(batch, cancellationToken);
            Table.Add(batch);
        }
        catch
        {
            File.Delete(InputOf(batch.Id));
            _named.Release(batch.Id);
            _room.Change(-held.File.Bytes);
            throw;
        }
        lock (_gate) _live.Add(batch.Id, new());
        Accepted?.Invoke(batch.Id);
        return batch;
    }

    /// <exception cref="BatchNotFoundException"></exception>
    public BatchEntry Find(string owner, string id) => Table.Find(id) is { } batch && batch.Owner == owner ? batch : throw new BatchNotFoundException(id);

    public List<BatchEntry> Page(string owner, string? after, int count)
    {
        if (after is not null) Find(owner, after);
        return Table.Page(owner, after, count);
    }

    /// <summary>No further line is begun; what has been answered becomes its files.</summary>
    public BatchEntry Cancel(string owner, string id)
    {
        var batch = Find(owner, id);
        if (batch.Ended is not null) throw new InvalidRequestException(null, $"The batch is {batch.Status.ToString().ToLowerInvariant()}; only one that has not ended can be cancelled.");
        Table.Cancel(id);
        lock (_gate)
            if (_live.TryGetValue(id, out var live)) live.Cancel();
        return Find(owner, id);
    }

    public CancellationToken CancelledOf(string id) { lock (_gate) return _live[id].Token; }

    /// <summary>A line has been answered. That is never refused, but it takes room from what comes next.</summary>
    public void Answer(string id, int line, bool failed, string answer)
    {
        Table.Answer(id, line, failed, answer);
        _room.Change(Encoding.UTF8.GetByteCount(answer));
    }

    /// <summary>The batch has ended, on disk; its input, its answers and the files that it named go. May be said again.</summary>
    public void End(BatchEntry batch)
    {
        var (id, answers, input) = (batch.Id, Table.AnswerBytes(batch.Id), new FileInfo(InputOf(batch.Id)));
        Table.End(batch);
        _room.Change(-answers);
        if (input.Exists) _room.Change(-input.Length);
        input.Delete();
        _named.Release(id);
        lock (_gate) _live.Remove(id);
    }

    public void RemoveExpired()
    {
        foreach (var batch in Table.EndedBefore(_time.GetUtcNow() - _options.KeepResults)) Table.Remove(batch.Id);
    }

    public void Dispose()
    {
        _database.Dispose();
        foreach (var live in _live.Values) live.Dispose();
    }

    /// <summary>Keeps the uploaded files that the lines name.</summary>
    private async Task KeepNamedAsync(BatchEntry batch, CancellationToken cancellationToken)
    {
        var (found, asked) = (new HashSet<string>(), 0);
        await using var input = new FileStream(InputOf(batch.Id), FileMode.Open, FileAccess.Read, FileShare.Read, 1, FileOptions.Asynchronous | FileOptions.SequentialScan);
        await foreach (var (_, text) in LineReader.ReadAsync(input, BatchLine.LongestOf(_server), cancellationToken))
            foreach (var id in BatchLine.FileIds(text))
            {
                if (found.Contains(id)) continue;
                if (++asked > MostFiles) throw new InvalidRequestException("input_file_id", $"The lines of 'input_file_id' name more than {MostFiles} files. Send several batches.");
                if (_store.TryFind(batch.Owner, id) is { Content.Kind: not null }) found.Add(id);
            }
        await _named.KeepAsync(batch.Id, Held(), cancellationToken);
        _store.Touch(found);

        IEnumerable<HeldFile> Held()                                        // one at a time: each takes a descriptor
        {
            foreach (var id in found)
            {
                using var held = _store.TryHold(batch.Owner, id);
                if (held is not null) yield return held;
            }
        }
    }
}
