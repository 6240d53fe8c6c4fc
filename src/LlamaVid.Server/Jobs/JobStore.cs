using LlamaVid.Server.Files;
using Microsoft.Data.Sqlite;

namespace LlamaVid.Server.Jobs;

/// <summary>The table of jobs. What a call has written is on disk when it returns. Knows no files and runs nothing.</summary>
internal sealed class JobStore(string file) : IDisposable
{
    private const string Schema = """
        PRAGMA foreign_keys = ON;
        CREATE TABLE IF NOT EXISTS jobs (
            number INTEGER PRIMARY KEY AUTOINCREMENT, id TEXT NOT NULL UNIQUE, owner TEXT NOT NULL, endpoint TEXT NOT NULL, completion TEXT NOT NULL, seed INTEGER NOT NULL,
            created INTEGER NOT NULL, attempts INTEGER NOT NULL DEFAULT 0, started INTEGER, status TEXT NOT NULL, ended INTEGER, bytes INTEGER NOT NULL,
            result TEXT, error TEXT, chunks TEXT) STRICT;
        CREATE TABLE IF NOT EXISTS webhooks (
            job TEXT PRIMARY KEY REFERENCES jobs (id) ON DELETE CASCADE, url TEXT NOT NULL, secret TEXT, tries INTEGER NOT NULL DEFAULT 0,
            due INTEGER, status TEXT NOT NULL DEFAULT 'pending') STRICT;
        CREATE INDEX IF NOT EXISTS webhooks_by_time ON webhooks (due);
        CREATE INDEX IF NOT EXISTS jobs_by_owner ON jobs (owner, number);
        CREATE INDEX IF NOT EXISTS jobs_by_end ON jobs (ended);
        """;

    private const string Own = "id, owner, endpoint, completion, seed, created, attempts, started, jobs.status, ended, bytes";
    private const string Columns = $"{Own}, webhooks.status, tries", Jobs = "jobs LEFT JOIN webhooks ON job = id";

    private readonly Database _database = new(file, Schema);

    public void Add(JobEntry job, Webhook? webhook) => _database.Transact(() =>
    {
        _database.Run(
            """
            INSERT INTO jobs (id, owner, endpoint, completion, seed, created, status, bytes)
            VALUES ($id, $owner, $endpoint, $completion, $seed, $created, $status, $bytes)
            """,
            ("$id", job.Id), ("$owner", job.Owner), ("$endpoint", job.Endpoint), ("$completion", job.CompletionId), ("$seed", job.Seed),
            ("$created", Time(job.Created)), ("$status", Name(JobStatus.Queued)), ("$bytes", job.Bytes));
        if (webhook is not null)
            _database.Run("INSERT INTO webhooks (job, url, secret) VALUES ($id, $url, $secret)",
                ("$id", job.Id), ("$url", webhook.Url.OriginalString), ("$secret", webhook.Secret));
    });

    /// <summary>All that have not ended, oldest first.</summary>
    public IReadOnlyList<JobEntry> Waiting() => _database.Query($"SELECT {Columns} FROM {Jobs} WHERE ended IS NULL ORDER BY number", Entry);

    public JobEntry? Find(string owner, string id) =>
        _database.Query($"SELECT {Columns} FROM {Jobs} WHERE id = $id AND owner = $owner", Entry, ("$id", id), ("$owner", owner)).FirstOrDefault();

    /// <summary>Newest first, at most <paramref name="count"/>, from the one after <paramref name="after"/>.</summary>
    public IReadOnlyList<JobEntry> List(string owner, string? after, int count) => _database.Query(
        $"""
        SELECT {Columns} FROM {Jobs} WHERE owner = $owner AND ($after IS NULL OR number < (SELECT number FROM jobs WHERE id = $after AND owner = $owner))
        ORDER BY number DESC LIMIT $count
        """, Entry, ("$owner", owner), ("$after", after), ("$count", count));

    public JobOutcome Outcome(string id) => _database.Query(
        "SELECT status, result, error, chunks FROM jobs WHERE id = $id",
        row => new JobOutcome(Status(row.GetString(0)), Text(row, 1), Text(row, 2), Text(row, 3)?.Split('\n') ?? []), ("$id", id)).FirstOrDefault() ?? throw new JobNotFoundException(id);

    public void Begin(string id, int attempts, DateTimeOffset started) =>
        _database.Run("UPDATE jobs SET attempts = $attempts, started = $started WHERE id = $id", ("$id", id), ("$attempts", attempts), ("$started", Time(started)));

    /// <summary>From here on its webhook is due.</summary>
    /// <returns>False when it had ended already: a job ends once.</returns>
    public bool End(string id, JobOutcome outcome, DateTimeOffset ended) => _database.Transact(() =>
        _database.Run(
            "UPDATE jobs SET status = $status, ended = $ended, result = $result, error = $error, chunks = $chunks, bytes = $bytes WHERE id = $id AND ended IS NULL",
            ("$id", id), ("$status", Name(outcome.Status)), ("$ended", Time(ended)), ("$result", outcome.Result), ("$error", outcome.Error),
            ("$chunks", string.Join('\n', outcome.Chunks)), ("$bytes", outcome.Bytes)) == 1
        && _database.Run("UPDATE webhooks SET due = $ended WHERE job = $id", ("$id", id), ("$ended", Time(ended))) >= 0);

    /// <summary>The webhooks whose time has come, and when the next one's will.</summary>
    public (IReadOnlyList<DueWebhook> Due, DateTimeOffset? Next) DueWebhooks(DateTimeOffset now) => (
        _database.Query(
            $"SELECT {Columns}, url, secret FROM {Jobs} WHERE due <= $now ORDER BY due LIMIT 100",
            row => new DueWebhook(Entry(row), new(row.GetString(13)), Text(row, 14), row.GetInt32(12)), ("$now", Time(now))),
        _database.Query("SELECT MIN(due) FROM webhooks", row => Time(row, 0)).Single());

    /// <param name="due">Null: it is over.</param>
    public void SetWebhook(string job, int tries, string status, DateTimeOffset? due) => _database.Run(
        "UPDATE webhooks SET tries = $tries, status = $status, due = $due WHERE job = $job",
        ("$job", job), ("$tries", tries), ("$status", status), ("$due", due is { } time ? Time(time) : null));

    public bool Remove(string id) => _database.Run("DELETE FROM jobs WHERE id = $id AND ended IS NOT NULL", ("$id", id)) == 1;

    public IReadOnlyList<JobEntry> EndedBefore(DateTimeOffset time) => _database.Query($"SELECT {Columns} FROM {Jobs} WHERE ended < $time", Entry, ("$time", Time(time)));

    /// <summary>How many jobs each owner has, and what they take on disk.</summary>
    public IReadOnlyList<(string Owner, int Count, long Bytes)> Totals() =>
        _database.Query("SELECT owner, COUNT(*), SUM(bytes) FROM jobs GROUP BY owner", row => (row.GetString(0), row.GetInt32(1), row.GetInt64(2)));

    public void Dispose() => _database.Dispose();

    private static JobEntry Entry(SqliteDataReader row) => new(
        row.GetString(0), row.GetString(1), row.GetString(2), row.GetString(3), row.GetInt64(4), Time(row, 5)!.Value, row.GetInt32(6), Time(row, 7),
        Status(row.GetString(8)), Time(row, 9), row.GetInt64(10))
    {
        Webhook = Text(row, 11) is { } webhook ? new(webhook, row.GetInt32(12)) : null,
    };

    private static string Name(JobStatus status) => status.ToString().ToLowerInvariant();

    private static JobStatus Status(string name) => Enum.Parse<JobStatus>(name, ignoreCase: true);

    private static string? Text(SqliteDataReader row, int column) => row.IsDBNull(column) ? null : row.GetString(column);

    private static DateTimeOffset? Time(SqliteDataReader row, int column) =>
        row.IsDBNull(column) ? null : DateTimeOffset.FromUnixTimeMilliseconds(row.GetInt64(column));

    private static long Time(DateTimeOffset time) => time.ToUnixTimeMilliseconds();
}
