using LlamaVid.Server.Composition;
using LlamaVid.Server.Files;
using Microsoft.Data.Sqlite;

namespace LlamaVid.Server.Jobs;

/// <summary>An uploaded file as a job or batch has it.</summary>
internal sealed record NamedFile(string Path, string Hash, FileContent Content);

/// <summary>
/// The uploaded files that jobs and batches name, under second names of their bytes until those have ended: what was acknowledged needs nothing that its owner
/// may delete, that may expire, or that may go for a newer file. Knows no requests.
/// </summary>
/// <remarks>
/// First the bytes, then the rows, then the acknowledgement; after the end first the rows, then the bytes. So a kill at any moment leaves at worst what nothing
/// that waits needs, and the next start removes that. The same bytes are there once and take room once, however many name them.
/// </remarks>
internal sealed class NamedFiles : IDisposable
{
    private const string Schema = """
        CREATE TABLE IF NOT EXISTS named (
            holder TEXT NOT NULL, file TEXT NOT NULL, type TEXT NOT NULL, hash TEXT NOT NULL, bytes INTEGER NOT NULL, PRIMARY KEY (holder, file)) STRICT, WITHOUT ROWID;
        """;

    private readonly FileStore _store;
    private readonly JobRoom _room;
    private readonly Database _database;
    private readonly string _bytes;
    private readonly Lock _gate = new();
    private readonly Dictionary<string, int> _names = [];                   // by hash

    /// <exception cref="StartupException">the table cannot be used</exception>
    public NamedFiles(JobFiles files, FileStore store, JobRoom room)
    {
        (_store, _room, _bytes) = (store, room, Path.Combine(files.Folder, "named"));
        var path = Path.Combine(files.Folder, "named.db");
        try
        {
            Directory.CreateDirectory(_bytes);
            _database = new(path, Schema);
            foreach (var (hash, count, bytes) in _database.Query(
                "SELECT hash, COUNT(*), MAX(bytes) FROM named GROUP BY hash", row => (row.GetString(0), row.GetInt32(1), row.GetInt64(2))))
            {
                _names.Add(hash, count);
                _room.Change(bytes);
            }
            foreach (var left in Directory.EnumerateFiles(_bytes))
                if (!_names.ContainsKey(Path.GetFileName(left))) File.Delete(left);
        }
        catch (SqliteException fault)
        {
            throw new StartupException($"{path} cannot be used: {fault.Message} Restore it, or move it away to begin without the files that waiting jobs name.");
        }
    }

    /// <summary>Removes what jobs, or batches, have left that are no more.</summary>
    /// <param name="kind">how the ids of the one or the other begin</param>
    public void Sweep(string kind, IReadOnlySet<string> waiting)
    {
        foreach (var holder in _database.Query("SELECT DISTINCT holder FROM named WHERE holder LIKE $kind || '%'", row => row.GetString(0), ("$kind", kind)))
            if (!waiting.Contains(holder)) Release(holder);
    }

    /// <summary>Keeps files for a job or batch. When this returns, they survive the machine's loss of power.</summary>
    /// <exception cref="JobSpaceException"></exception>
    public async Task KeepAsync(string holder, IEnumerable<HeldFile> files, CancellationToken cancellationToken)
    {
        var kept = new Dictionary<string, ClientFile>();
        try
        {
            foreach (var held in files)
            {
                cancellationToken.ThrowIfCancellationRequested();
                if (kept.ContainsKey(held.File.Id)) continue;
                Take(held.File);
                kept.Add(held.File.Id, held.File);
                await BringAsync(held, cancellationToken);
            }
            if (kept.Count == 0) return;
            Disk.SyncFolder(_bytes);
            _database.Transact(() =>
            {
                foreach (var file in kept.Values)
                    _database.Run("INSERT INTO named (holder, file, type, hash, bytes) VALUES ($holder, $file, $type, $hash, $bytes)",
                        ("$holder", holder), ("$file", file.Id), ("$type", file.Content.MediaType), ("$hash", file.Hash), ("$bytes", file.Bytes));
            });
        }
        catch
        {
            foreach (var file in kept.Values) Let(file.Hash, file.Bytes);
            throw;
        }
    }

    /// <returns>Null for what was not kept for this job or batch.</returns>
    public NamedFile? Find(string holder, string file) => _database.Query(
        "SELECT hash, type FROM named WHERE holder = $holder AND file = $file",
        row => new NamedFile(PathOf(row.GetString(0)), row.GetString(0), FileContent.Named(row.GetString(1))), ("$holder", holder), ("$file", file)).SingleOrDefault();

    /// <summary>The job or batch has ended, on disk.</summary>
    public void Release(string holder)
    {
        var files = _database.Query("SELECT hash, bytes FROM named WHERE holder = $holder", row => (row.GetString(0), row.GetInt64(1)), ("$holder", holder));
        if (files.Count == 0) return;
        _database.GiveBack(() => _database.Run("DELETE FROM named WHERE holder = $holder", ("$holder", holder)));
        foreach (var (hash, bytes) in files) Let(hash, bytes);
    }

    public void Dispose() => _database.Dispose();

    private void Take(ClientFile file)
    {
        lock (_gate)
        {
            if (!_names.ContainsKey(file.Hash)) _room.Reserve(file.Bytes);
            _names[file.Hash] = _names.GetValueOrDefault(file.Hash) + 1;
        }
    }

    private void Let(string hash, long bytes)
    {
        lock (_gate)
        {
            if (--_names[hash] > 0) return;
            _names.Remove(hash);
            File.Delete(PathOf(hash));
            _room.Change(-bytes);
        }
        _store.Collect(hash);                                               // in case it was let go while a decoder looked into these bytes
    }

    /// <summary>A second name, or a copy where the folders lie on different disks.</summary>
    private async Task BringAsync(HeldFile held, CancellationToken cancellationToken)
    {
        var path = PathOf(held.File.Hash);
        if (File.Exists(path) || Disk.TryLink(held.Path, path)) return;
        var copy = $"{path}.{Guid.NewGuid():N}";
        try
        {
            await using (var bytes = new FileStream(copy, FileMode.CreateNew, FileAccess.Write, FileShare.None, 1, FileOptions.Asynchronous))
            {
                await held.Bytes.CopyToAsync(bytes, cancellationToken);
                bytes.Flush(flushToDisk: true);
            }
            File.Move(copy, path, overwrite: true);
        }
        finally
        {
            File.Delete(copy);
        }
    }

    private string PathOf(string hash) => Path.Combine(_bytes, hash);
}
