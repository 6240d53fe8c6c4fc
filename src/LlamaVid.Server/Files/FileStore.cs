using LlamaVid.Engine;
using LlamaVid.Media;
using Microsoft.Data.Sqlite;

namespace LlamaVid.Server.Files;

/// <summary>Keeps clients' files: rows in SQLite, bytes beside them under their hashes, so that the same bytes are there once. Knows no HTTP.</summary>
/// <remarks>
/// A file is acknowledged when its row is committed. Before that its bytes are complete, on the disk, and under their final name; after the row is gone
/// they go too, once nobody holds them. So a kill at any moment leaves at worst bytes without a row, which the next start sweeps.
/// Several processes may share a folder: bytes come and go inside transactions, and what is being written or read is locked.
/// </remarks>
internal sealed class FileStore : IDisposable
{
    private const int EvictedAtOnce = 100;

    private readonly FilesOptions _options;
    private readonly long _maxBytes;
    private readonly TimeProvider _time;
    private readonly Workspace? _temporary;
    private readonly string _incoming, _bytes;
    private readonly FileTable _table;
    private readonly FileRoom _room;

    /// <exception cref="FileStoreUnusableException">the folder cannot be made or written, or holds no database of ours</exception>
    public FileStore(FilesOptions options, MediaOptions media, TimeProvider time)
    {
        (_options, _maxBytes, _time) = (options, media.MaxBytes, time);
        _temporary = options.Path is "" ? Workspace.Create(media) : null;
        var folder = Path.GetFullPath(_temporary?.Folder ?? options.Path);
        (_incoming, _bytes, PartsFolder) = (Path.Combine(folder, "incoming"), Path.Combine(folder, "bytes"), Path.Combine(folder, "parts"));
        try
        {
            Directory.CreateDirectory(_incoming);
            Directory.CreateDirectory(_bytes);
            Directory.CreateDirectory(PartsFolder);
            Database = new(Path.Combine(folder, "files.db"), FileTable.Schema + UploadTable.Schema);
            _table = new(Database);
            _room = new((long)options.QuotaMegabytes << 20, _table.TotalBytes, Evict);
            SweepLeftovers();
        }
        catch (Exception fault) when (fault is IOException or UnauthorizedAccessException or SqliteException)
        {
            Database?.Dispose();
            _temporary?.Dispose();
            throw new FileStoreUnusableException(folder, fault);
        }
    }

    /// <summary>Where uploads keep theirs.</summary>
    internal Database Database { get; }

    internal string PartsFolder { get; }

    /// <summary>A place for bytes that arrive. To be disposed, whether they were kept or not.</summary>
    public IncomingFile Begin() => new(Path.Combine(_incoming, Guid.NewGuid().ToString("N")), _room, _maxBytes);

    /// <summary>Keeps what has arrived. When this returns, it lasts.</summary>
    /// <param name="keepFor">Null: as long as the server keeps files.</param>
    /// <param name="together">What is to happen with it or not at all.</param>
    /// <exception cref="UnsupportedMediaException">not the content that the purpose needs</exception>
    /// <exception cref="FileContentException">the same</exception>
    /// <exception cref="FileQuotaExceededException">too many files</exception>
    public ClientFile Keep(IncomingFile incoming, string owner, string name, FilePurpose purpose, TimeSpan? keepFor = null, Action<ClientFile>? together = null)
    {
        if (incoming.Bytes == 0) throw new FileContentException("'file' is empty.");
        var content = FileContent.Of(incoming.Head, purpose);
        var hash = incoming.Finish();
        var now = _time.GetUtcNow();
        var life = keepFor ?? (_options.KeepFor > TimeSpan.Zero ? _options.KeepFor : null);
        var file = new ClientFile(
            $"file-{Guid.CreateVersion7(now):N}", owner, name, purpose, content, hash, incoming.Bytes, now, now + life);
        if (_table.Count() >= _options.MaxFiles) RemoveExpired();
        try
        {
            return Database.Transact(() =>
            {
                if (_table.Count() >= _options.MaxFiles) throw FileQuotaExceededException.OfCount(_options.MaxFiles);
                if (!File.Exists(PathOf(hash))) Place(incoming, PathOf(hash));
                _table.Insert(file);
                together?.Invoke(file);
                return file;
            });
        }
        catch
        {
            Collect(hash);
            throw;
        }
    }

    /// <exception cref="ClientFileNotFoundException">this client has no such file</exception>
    public ClientFile Find(string owner, string id, string? param = null) => TryFind(owner, id) ?? throw new ClientFileNotFoundException(id, param);

    public ClientFile? TryFind(string owner, string id) => _table.Find(owner, id, _time.GetUtcNow());

    public List<ClientFile> Page(string owner, FilePurpose? purpose, string? after, bool newestFirst, int count) =>
        _table.Page(owner, purpose, after, newestFirst, count, _time.GetUtcNow());

    /// <summary>Takes a file into use; it counts as used now.</summary>
    /// <exception cref="ClientFileNotFoundException">this client has no such file</exception>
    public HeldFile Hold(string owner, string id, string? param = null)
    {
        var held = TryHold(owner, id) ?? throw new ClientFileNotFoundException(id, param);
        Touch([id]);
        return held;
    }

    /// <summary>As <see cref="Hold"/>, without its counting as used.</summary>
    public HeldFile? TryHold(string owner, string id) => Database.Transact(() =>
    {
        if (TryFind(owner, id) is not { } file) return null;
        var bytes = new FileStream(PathOf(file.Hash), FileMode.Open, FileAccess.Read, FileShare.Read, 1, FileOptions.Asynchronous | FileOptions.SequentialScan);
        return new HeldFile(file, bytes, () => Collect(file.Hash));
    });

    /// <summary>Files that were used now.</summary>
    public void Touch(IReadOnlyCollection<string> ids)
    {
        try
        {
            Database.Transact(() =>
            {
                foreach (var id in ids) _table.Touch(id, _time.GetUtcNow());
            });
        }
        catch (SqliteException fault) when (Disk.IsFull(fault))
        {
            // Reading needs no room; that it was read is forgotten.
        }
    }

    /// <summary>Deletes bytes that no file names and nobody holds.</summary>
    /// <returns>whether there were such bytes</returns>
    public bool Collect(string hash) => Database.Transact(() => !_table.Holds(hash) && DeleteUnlessHeld(PathOf(hash)));

    /// <summary>Nobody finds the file any more; its bytes go when the last that reads them has ended.</summary>
    /// <exception cref="ClientFileNotFoundException">this client has no such file</exception>
    public void Delete(string owner, string id) => Remove(() => Find(owner, id));

    public void RemoveExpired()
    {
        foreach (var file in _table.Expired(_time.GetUtcNow())) Remove(() => file);
    }

    public void Dispose()
    {
        Database.Dispose();
        _temporary?.Dispose();
    }

    private void Evict(long bytes)
    {
        RemoveExpired();
        long freed = 0;
        while (freed < bytes && _table.LongestUnused(_time.GetUtcNow() - _options.EvictAfter, EvictedAtOnce) is { Count: > 0 } candidates)
            for (var i = 0; i < candidates.Count && freed < bytes; i++)
                if (Remove(() => candidates[i]))
                    freed += candidates[i].Bytes;
    }

    /// <summary>First the row, for good, then the bytes: a kill in between leaves what the next start sweeps.</summary>
    /// <returns>whether its bytes went too</returns>
    private bool Remove(Func<ClientFile> find)
    {
        var file = Database.GiveBack(() =>
        {
            var found = find();
            _table.Delete(found.Id);
            return found;
        });
        return Collect(file.Hash);
    }

    /// <summary>What processes that were killed have left: bytes that never became a file, and bytes whose file is gone.</summary>
    private void SweepLeftovers()
    {
        foreach (var path in Directory.EnumerateFiles(_incoming)) Database.Transact(() => DeleteUnlessHeld(path));
        foreach (var path in Directory.EnumerateFiles(_bytes)) Collect(Path.GetFileName(path));
        RemoveExpired();
    }

    /// <summary>Puts what has arrived where it is to stay; inside a transaction, so that no sweep takes it for left behind.</summary>
    internal static void Place(IncomingFile incoming, string path)
    {
        incoming.Close();
        File.Move(incoming.Path, path);
        Disk.SyncFolder(Path.GetDirectoryName(path)!);
    }

    internal static bool DeleteUnlessHeld(string path)
    {
        try
        {
            using var alone = new FileStream(path, FileMode.Open, FileAccess.ReadWrite, FileShare.None);
            File.Delete(path);
            return true;
        }
        catch (IOException)                               // held, or gone already
        {
            return false;
        }
    }

    private string PathOf(string hash) => Path.Combine(_bytes, hash);
}
