using LlamaVid.Server.Files;
using Microsoft.Data.Sqlite;

namespace LlamaVid.Server.Jobs.Batches;

/// <summary>The rows of batches and of their answered lines: a line is answered when its row holds its answer, once. Knows no files.</summary>
internal sealed class BatchTable(Database database)
{
    public const string Schema = """
        CREATE TABLE IF NOT EXISTS batches (
            number INTEGER PRIMARY KEY AUTOINCREMENT, id TEXT NOT NULL UNIQUE, owner TEXT NOT NULL, input TEXT NOT NULL, metadata TEXT NOT NULL, seed INTEGER NOT NULL,
            status TEXT NOT NULL, created INTEGER NOT NULL, began INTEGER, ended INTEGER, total INTEGER NOT NULL DEFAULT 0, output TEXT, errors TEXT, fault TEXT,
            completed INTEGER, failed INTEGER) STRICT;
        CREATE TABLE IF NOT EXISTS batch_lines (
            batch TEXT NOT NULL, line INTEGER NOT NULL, attempts INTEGER NOT NULL DEFAULT 0, name TEXT, failed INTEGER NOT NULL DEFAULT 0, answer TEXT,
            PRIMARY KEY (batch, line), UNIQUE (batch, name)) STRICT;
        """;

    private const string Columns = "SELECT id, owner, input, metadata, seed, status, created, began, ended, total, output, errors, fault FROM batches";

    public void Add(BatchEntry batch) => database.Run(
        "INSERT INTO batches (id, owner, input, metadata, seed, status, created) VALUES ($id, $owner, $input, $metadata, $seed, $status, $created)",
        ("$id", batch.Id), ("$owner", batch.Owner), ("$input", batch.InputFile), ("$metadata", batch.Metadata), ("$seed", batch.Seed),
        ("$status", batch.Status.ToString()), ("$created", batch.Created.ToUnixTimeMilliseconds()));

    public BatchEntry? Find(string id) => database.Query($"{Columns} WHERE id = $id", Read, ("$id", id)).SingleOrDefault();

    public List<BatchEntry> Waiting() => database.Query($"{Columns} WHERE ended IS NULL ORDER BY number", Read);

    public List<BatchEntry> EndedBefore(DateTimeOffset time) => database.Query($"{Columns} WHERE ended < $time", Read, ("$time", time.ToUnixTimeMilliseconds()));

    public List<BatchEntry> Page(string owner, string? after, int count) => database.Query(
        $"{Columns} WHERE owner = $owner AND ($after IS NULL OR number < (SELECT number FROM batches WHERE id = $after)) ORDER BY number DESC LIMIT $count",
        Read, ("$owner", owner), ("$after", after), ("$count", count));

    /// <summary>The batch has ended: what is to be told of its lines is written down, and they go.</summary>
    public void End(BatchEntry batch) => database.Transact(() =>
    {
        var counts = Counts(batch.Id);
        Set(batch);
        database.Run("UPDATE batches SET completed = $completed, failed = $failed WHERE id = $id",
            ("$id", batch.Id), ("$completed", counts.Completed), ("$failed", counts.Failed));
        database.Run("DELETE FROM batch_lines WHERE batch = $id", ("$id", batch.Id));
    });

    public void Cancel(string id) => database.Run("UPDATE batches SET status = 'Cancelling' WHERE id = $id AND ended IS NULL", ("$id", id));

    /// <returns>False when it had ended already, or is being cancelled and that is not its end.</returns>
    public bool Set(BatchEntry batch) => database.Run(
        """
        UPDATE batches SET status = $status, began = $began, ended = $ended, total = $total, output = $output, errors = $errors, fault = $fault
        WHERE id = $id AND ended IS NULL AND (status <> 'Cancelling' OR $ended IS NOT NULL)
        """,
        ("$id", batch.Id), ("$status", batch.Status.ToString()), ("$began", batch.Began?.ToUnixTimeMilliseconds()), ("$ended", batch.Ended?.ToUnixTimeMilliseconds()),
        ("$total", batch.Total), ("$output", batch.OutputFile), ("$errors", batch.ErrorFile), ("$fault", batch.Fault)) == 1;

    public void Remove(string id) => database.Run("DELETE FROM batches WHERE id = $id AND ended IS NOT NULL", ("$id", id));

    public HashSet<int> Answered(string batch) => [.. database.Query("SELECT line FROM batch_lines WHERE batch = $batch AND answer IS NOT NULL", row => row.GetInt32(0), ("$batch", batch))];

    /// <returns>how often the line has been begun, this time included</returns>
    public int Begin(string batch, int line) => database.Query(
        "INSERT INTO batch_lines (batch, line, attempts) VALUES ($batch, $line, 1) ON CONFLICT (batch, line) DO UPDATE SET attempts = attempts + 1 RETURNING attempts",
        row => row.GetInt32(0), ("$batch", batch), ("$line", line)).Single();

    /// <returns>False when another line has the name.</returns>
    public bool Name(string batch, int line, string name) =>
        database.Run("UPDATE OR IGNORE batch_lines SET name = $name WHERE batch = $batch AND line = $line", ("$batch", batch), ("$line", line), ("$name", name)) == 1;

    public void Answer(string batch, int line, bool failed, string answer) => database.Run(
        "UPDATE batch_lines SET failed = $failed, answer = $answer WHERE batch = $batch AND line = $line",
        ("$batch", batch), ("$line", line), ("$failed", failed ? 1 : 0), ("$answer", answer));

    /// <summary>What the answers of batches that have not ended take on disk.</summary>
    /// <param name="batch">Null: of all.</param>
    public long AnswerBytes(string? batch) => database.Query(
        "SELECT COALESCE(SUM(OCTET_LENGTH(answer)), 0) FROM batch_lines WHERE $batch IS NULL OR batch = $batch", row => row.GetInt64(0), ("$batch", batch)).Single();

    public BatchCounts Counts(string batch) => database.Query(
        """
        SELECT COALESCE((SELECT completed FROM batches WHERE id = $batch), SUM(failed = 0), 0), COALESCE((SELECT failed FROM batches WHERE id = $batch), SUM(failed), 0)
        FROM batch_lines WHERE batch = $batch AND answer IS NOT NULL
        """,
        row => new BatchCounts(row.GetInt32(0), row.GetInt32(1)), ("$batch", batch)).Single();

    /// <summary>The answers after line <paramref name="after"/>, in order, some at a time.</summary>
    public List<(int Line, string Answer)> Answers(string batch, bool failed, int after) => database.Query(
        "SELECT line, answer FROM batch_lines WHERE batch = $batch AND failed = $failed AND answer IS NOT NULL AND line > $after ORDER BY line LIMIT 100",
        row => (row.GetInt32(0), row.GetString(1)), ("$batch", batch), ("$failed", failed ? 1 : 0), ("$after", after));

    private static BatchEntry Read(SqliteDataReader row) => new(
        row.GetString(0), row.GetString(1), row.GetString(2), row.GetString(3), row.GetInt64(4), Enum.Parse<BatchStatus>(row.GetString(5)), Time(row, 6)!.Value, Time(row, 7),
        Time(row, 8), row.GetInt32(9), Text(row, 10), Text(row, 11), Text(row, 12));

    private static string? Text(SqliteDataReader row, int column) => row.IsDBNull(column) ? null : row.GetString(column);

    private static DateTimeOffset? Time(SqliteDataReader row, int column) => row.IsDBNull(column) ? null : DateTimeOffset.FromUnixTimeMilliseconds(row.GetInt64(column));
}
