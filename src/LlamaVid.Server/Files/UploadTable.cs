using Microsoft.Data.Sqlite;

namespace LlamaVid.Server.Files;

internal enum UploadStatus { Pending, Completed, Cancelled }

/// <summary>A file that arrives in parts.</summary>
/// <param name="FileId">What it has become, once completed.</param>
/// <param name="KeepFor">How long that file is to be kept; null as the server does.</param>
internal sealed record Upload(
    string Id, string Owner, string Name, FilePurpose Purpose, long Bytes, TimeSpan? KeepFor, UploadStatus Status, string? FileId, DateTimeOffset CreatedAt, DateTimeOffset ExpiresAt);

internal sealed record UploadPart(string Id, string Upload, long Bytes, DateTimeOffset CreatedAt);

/// <summary>The rows of uploads and of their parts. Knows no bytes and no clock.</summary>
internal sealed class UploadTable(Database database)
{
    public const string Schema = """
        CREATE TABLE IF NOT EXISTS uploads(
            id TEXT PRIMARY KEY, owner TEXT NOT NULL, name TEXT NOT NULL, purpose TEXT NOT NULL, bytes INTEGER NOT NULL, keep INTEGER,
            status TEXT NOT NULL, file TEXT, created INTEGER NOT NULL, expires INTEGER NOT NULL) STRICT;
        CREATE TABLE IF NOT EXISTS parts(id TEXT PRIMARY KEY, upload TEXT NOT NULL, bytes INTEGER NOT NULL, created INTEGER NOT NULL) STRICT;
        CREATE INDEX IF NOT EXISTS uploads_of_owner ON uploads(owner, status);
        CREATE INDEX IF NOT EXISTS uploads_by_end ON uploads(expires);
        CREATE INDEX IF NOT EXISTS parts_of_upload ON parts(upload, id);
        """;

    private const string Columns = "SELECT id, owner, name, purpose, bytes, keep, status, file, created, expires FROM uploads";

    public void Insert(Upload upload) => database.Run(
        "INSERT INTO uploads(id, owner, name, purpose, bytes, keep, status, created, expires) VALUES ($id, $owner, $name, $purpose, $bytes, $keep, $status, $created, $expires)",
        ("$id", upload.Id), ("$owner", upload.Owner), ("$name", upload.Name), ("$purpose", upload.Purpose.Wire()), ("$bytes", upload.Bytes),
        ("$keep", (long?)upload.KeepFor?.TotalSeconds), ("$status", upload.Status.ToString()), ("$created", upload.CreatedAt.ToUnixTimeSeconds()),
        ("$expires", upload.ExpiresAt.ToUnixTimeSeconds()));

    public Upload? Find(string owner, string id, DateTimeOffset now) => database.Query(
        $"{Columns} WHERE id = $id AND owner = $owner AND expires > $now", Read, ("$id", id), ("$owner", owner), ("$now", now.ToUnixTimeSeconds())).SingleOrDefault();

    public List<Upload> Expired(DateTimeOffset now) => database.Query($"{Columns} WHERE expires <= $now", Read, ("$now", now.ToUnixTimeSeconds()));

    public long Pending(string owner, DateTimeOffset now) => database.Query(
        "SELECT COUNT(*) FROM uploads WHERE owner = $owner AND status = $status AND expires > $now", row => row.GetInt64(0),
        ("$owner", owner), ("$status", nameof(UploadStatus.Pending)), ("$now", now.ToUnixTimeSeconds()))[0];

    public void End(string id, UploadStatus status, string? file) =>
        database.Run("UPDATE uploads SET status = $status, file = $file WHERE id = $id", ("$id", id), ("$status", status.ToString()), ("$file", file));

    public void Delete(string id) => database.Run("DELETE FROM uploads WHERE id = $id", ("$id", id));

    public void Insert(UploadPart part) => database.Run("INSERT INTO parts(id, upload, bytes, created) VALUES ($id, $upload, $bytes, $created)",
        ("$id", part.Id), ("$upload", part.Upload), ("$bytes", part.Bytes), ("$created", part.CreatedAt.ToUnixTimeSeconds()));

    /// <summary>In the order in which they arrived.</summary>
    public List<UploadPart> Parts(string upload) => database.Query("SELECT id, upload, bytes, created FROM parts WHERE upload = $upload ORDER BY id",
        row => new UploadPart(row.GetString(0), row.GetString(1), row.GetInt64(2), DateTimeOffset.FromUnixTimeSeconds(row.GetInt64(3))), ("$upload", upload));

    public bool HasPart(string id) => database.Query("SELECT 1 FROM parts WHERE id = $id", _ => true, ("$id", id)).Count > 0;

    public void DeleteParts(string upload) => database.Run("DELETE FROM parts WHERE upload = $upload", ("$upload", upload));

    private static Upload Read(SqliteDataReader row) => new(
        row.GetString(0), row.GetString(1), row.GetString(2), FilePurposes.All[row.GetString(3)], row.GetInt64(4), row.IsDBNull(5) ? null : TimeSpan.FromSeconds(row.GetInt64(5)),
        Enum.Parse<UploadStatus>(row.GetString(6)), row.IsDBNull(7) ? null : row.GetString(7), DateTimeOffset.FromUnixTimeSeconds(row.GetInt64(8)),
        DateTimeOffset.FromUnixTimeSeconds(row.GetInt64(9)));
}
