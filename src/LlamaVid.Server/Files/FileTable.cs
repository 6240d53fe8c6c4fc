using Microsoft.Data.Sqlite;

namespace LlamaVid.Server.Files;

/// <summary>The rows of clients' files. Ids are in the order in which files were made. Knows no bytes and no clock.</summary>
internal sealed class FileTable(Database database)
{
    public const string Schema = """
        CREATE TABLE IF NOT EXISTS files(
            id TEXT PRIMARY KEY, owner TEXT NOT NULL, name TEXT NOT NULL, purpose TEXT NOT NULL,
            type TEXT NOT NULL, hash TEXT NOT NULL, bytes INTEGER NOT NULL, created INTEGER NOT NULL, expires INTEGER, used INTEGER NOT NULL) STRICT;
        CREATE INDEX IF NOT EXISTS files_of_owner ON files(owner, id);
        CREATE INDEX IF NOT EXISTS files_of_hash ON files(hash, bytes);
        CREATE INDEX IF NOT EXISTS files_by_use ON files(used);
        CREATE INDEX IF NOT EXISTS files_by_end ON files(expires);
        """;

    private const string Columns = "SELECT id, owner, name, purpose, type, hash, bytes, created, expires FROM files";

    public void Insert(ClientFile file) => database.Run(
        "INSERT INTO files(id, owner, name, purpose, type, hash, bytes, created, expires, used) VALUES ($id, $owner, $name, $purpose, $type, $hash, $bytes, $created, $expires, $created)",
        ("$id", file.Id), ("$owner", file.Owner), ("$name", file.Name), ("$purpose", file.Purpose.Wire()), ("$type", file.Content.MediaType), ("$hash", file.Hash),
        ("$bytes", file.Bytes), ("$created", file.CreatedAt.ToUnixTimeSeconds()), ("$expires", file.ExpiresAt?.ToUnixTimeSeconds()));

    public ClientFile? Find(string owner, string id, DateTimeOffset now) => database.Query(
        $"{Columns} WHERE id = $id AND owner = $owner AND (expires IS NULL OR expires > $now)", Read, ("$id", id), ("$owner", owner), ("$now", now.ToUnixTimeSeconds()))
        .SingleOrDefault();

    /// <param name="after">The id that the page before ended with, which may be deleted by now; null for the first page.</param>
    public List<ClientFile> Page(string owner, FilePurpose? purpose, string? after, bool newestFirst, int count, DateTimeOffset now) => database.Query(
        $"""
        {Columns} WHERE owner = $owner AND (expires IS NULL OR expires > $now) AND ($purpose IS NULL OR purpose = $purpose)
            AND ($after IS NULL OR id {(newestFirst ? '<' : '>')} $after)
            ORDER BY id {(newestFirst ? "DESC" : "ASC")} LIMIT $count
        """,
        Read, ("$owner", owner), ("$now", now.ToUnixTimeSeconds()), ("$purpose", purpose?.Wire()), ("$after", after), ("$count", count));

    /// <summary>Says that the file was used; seldom enough that a busy file costs no writes.</summary>
    public void Touch(string id, DateTimeOffset now) => database.Run(
        "UPDATE files SET used = $now WHERE id = $id AND used < $now - 60", ("$id", id), ("$now", now.ToUnixTimeSeconds()));

    public void Delete(string id) => database.Run("DELETE FROM files WHERE id = $id", ("$id", id));

    public List<ClientFile> Expired(DateTimeOffset now) =>
        database.Query($"{Columns} WHERE expires <= $now", Read, ("$now", now.ToUnixTimeSeconds()));

    public List<ClientFile> LongestUnused(DateTimeOffset since, int count) =>
        database.Query($"{Columns} WHERE used <= $since ORDER BY used, id LIMIT $count", Read, ("$since", since.ToUnixTimeSeconds()), ("$count", count));

    public bool Holds(string hash) => database.Query("SELECT 1 FROM files WHERE hash = $hash LIMIT 1", _ => true, ("$hash", hash)).Count > 0;

    public long Count() => database.Query("SELECT COUNT(*) FROM files", row => row.GetInt64(0))[0];

    /// <summary>Bytes on the disk, parts of uploads among them: what several files share counts once.</summary>
    public long TotalBytes() => database.Query(
        "SELECT COALESCE(SUM(bytes), 0) FROM (SELECT MAX(bytes) AS bytes FROM files GROUP BY hash UNION ALL SELECT bytes FROM parts)", row => row.GetInt64(0))[0];

    private static ClientFile Read(SqliteDataReader row) => new(
        row.GetString(0), row.GetString(1), row.GetString(2), FilePurposes.All[row.GetString(3)], FileContent.Named(row.GetString(4)), row.GetString(5),
        row.GetInt64(6), DateTimeOffset.FromUnixTimeSeconds(row.GetInt64(7)), row.IsDBNull(8) ? null : DateTimeOffset.FromUnixTimeSeconds(row.GetInt64(8)));
}
