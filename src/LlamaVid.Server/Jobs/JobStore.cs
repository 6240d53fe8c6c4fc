using Microsoft.Data.Sqlite;

namespace LlamaVid.Server.Jobs;

/// <summary>The table of jobs. What a call has written is on disk when it returns. Knows no files and runs nothing.</summary>
internal sealed class JobStore : IDisposable
{
    private const string Schema = """
        PRAGMA journal_mode = WAL;
        PRAGMA synchronous = FULL;
        PRAGMA foreign_keys = ON;
        CREATE TABLE IF NOT EXISTS jobs (
            number INTEGER PRIMARY KEY AUTOINCREMENT, id TEXT NOT NULL UNIQUE, owner TEXT NOT NULL, endpoint TEXT NOT NULL, completion TEXT NOT NULL, seed INTEGER NOT NULL,
            created INTEGER NOT NULL, attempts INTEGER NOT NULL DEFAULT 0, started INTEGER, status TEXT NOT NULL, ended INTEGER, bytes INTEGER NOT NULL,
            result TEXT, error TEXT, chunks TEXT) STRICT;
        CREATE INDEX IF NOT EXISTS jobs_by_owner ON jobs (owner, number);
        CREATE INDEX IF NOT EXISTS jobs_by_end ON jobs (ended);
        """;

    private const string Columns = "id, owner, endpoint, completion, seed, created, attempts, started, status, ended, bytes";

    private readonly Lock _gate = new();
    private readonly SqliteConnection _connection;

    public JobStore(string file)
    {
        _connection = new(new SqliteConnectionStringBuilder { DataSource = file, Pooling = false }.ToString());
        _connection.Open();
        Execute(Schema);
    }

    public void Add(JobEntry job) => Execute(
        $"INSERT INTO jobs ({Columns}) VALUES ($id, $owner, $endpoint, $completion, $seed, $created, 0, NULL, $status, NULL, $bytes)",
        ("$id", job.Id), ("$owner", job.Owner), ("$endpoint", job.Endpoint), ("$completion", job.CompletionId), ("$seed", job.Seed),
        ("$created", Time(job.Created)), ("$status", Name(JobStatus.Queued)), ("$bytes", job.Bytes));

    /// <summary>All that have not ended, oldest first.</summary>
    public IReadOnlyList<JobEntry> Waiting() => Query($"SELECT {Columns} FROM jobs WHERE ended IS NULL ORDER BY number");

    public JobEntry? Find(string owner, string id) =>
        Query($"SELECT {Columns} FROM jobs WHERE id = $id AND owner = $owner", ("$id", id), ("$owner", owner)).FirstOrDefault();

    /// <summary>Newest first, at most <paramref name="count"/>, from the one after <paramref name="after"/>.</summary>
    public IReadOnlyList<JobEntry> List(string owner, string? after, int count) => Query(
        $"""
        SELECT {Columns} FROM jobs WHERE owner = $owner AND ($after IS NULL OR number < (SELECT number FROM jobs WHERE id = $after AND owner = $owner))
        ORDER BY number DESC LIMIT $count
        """, ("$owner", owner), ("$after", after), ("$count", count));

    public JobOutcome Outcome(string id)
    {
        lock (_gate)
        {
            using var command = Command("SELECT status, result, error, chunks FROM jobs WHERE id = $id", ("$id", id));
            using var row = command.ExecuteReader();
            return row.Read()
                ? new(Status(row.GetString(0)), Text(row, 1), Text(row, 2), Text(row, 3)?.Split('\n') ?? [])
                : throw new JobNotFoundException(id);
        }
    }

    public void Begin(string id, int attempts, DateTimeOffset started) =>
        Execute("UPDATE jobs SET attempts = $attempts, started = $started WHERE id = $id", ("$id", id), ("$attempts", attempts), ("$started", Time(started)));

    /// <returns>False when it had ended already: a job ends once.</returns>
    public bool End(string id, JobOutcome outcome, DateTimeOffset ended) => Execute(
        "UPDATE jobs SET status = $status, ended = $ended, result = $result, error = $error, chunks = $chunks, bytes = $bytes WHERE id = $id AND ended IS NULL",
        ("$id", id), ("$status", Name(outcome.Status)), ("$ended", Time(ended)), ("$result", outcome.Result), ("$error", outcome.Error),
        ("$chunks", string.Join('\n', outcome.Chunks)), ("$bytes", outcome.Bytes)) == 1;

    public bool Remove(string id) => Execute("DELETE FROM jobs WHERE id = $id AND ended IS NOT NULL", ("$id", id)) == 1;

    public IReadOnlyList<JobEntry> EndedBefore(DateTimeOffset time) => Query($"SELECT {Columns} FROM jobs WHERE ended < $time", ("$time", Time(time)));

    /// <summary>How many jobs each owner has, and what they take on disk.</summary>
    public IReadOnlyList<(string Owner, int Count, long Bytes)> Totals()
    {
        lock (_gate)
        {
            using var command = Command("SELECT owner, COUNT(*), SUM(bytes) FROM jobs GROUP BY owner");
            using var row = command.ExecuteReader();
            var totals = new List<(string, int, long)>();
            while (row.Read())
                totals.Add((row.GetString(0), row.GetInt32(1), row.GetInt64(2)));
            return totals;
        }
    }

    public void Dispose()
    {
        lock (_gate)
            _connection.Dispose();
    }

    private List<JobEntry> Query(string sql, params (string Name, object? Value)[] values)
    {
        lock (_gate)
        {
            using var command = Command(sql, values);
            using var row = command.ExecuteReader();
            var jobs = new List<JobEntry>();
            while (row.Read())
                jobs.Add(new(
                    row.GetString(0), row.GetString(1), row.GetString(2), row.GetString(3), row.GetInt64(4), Time(row, 5)!.Value, row.GetInt32(6), Time(row, 7),
                    Status(row.GetString(8)), Time(row, 9), row.GetInt64(10)));
            return jobs;
        }
    }

    private int Execute(string sql, params (string Name, object? Value)[] values)
    {
        lock (_gate)
        {
            using var command = Command(sql, values);
            return command.ExecuteNonQuery();
        }
    }

    private SqliteCommand Command(string sql, params (string Name, object? Value)[] values)
    {
        var command = _connection.CreateCommand();
        command.CommandText = sql;
        foreach (var (name, value) in values)
            command.Parameters.AddWithValue(name, value ?? DBNull.Value);
        return command;
    }

    private static string Name(JobStatus status) => status.ToString().ToLowerInvariant();

    private static JobStatus Status(string name) => Enum.Parse<JobStatus>(name, ignoreCase: true);

    private static string? Text(SqliteDataReader row, int column) => row.IsDBNull(column) ? null : row.GetString(column);

    private static DateTimeOffset? Time(SqliteDataReader row, int column) =>
        row.IsDBNull(column) ? null : DateTimeOffset.FromUnixTimeMilliseconds(row.GetInt64(column));

    private static long Time(DateTimeOffset time) => time.ToUnixTimeMilliseconds();
}
