using Microsoft.Data.Sqlite;

namespace LlamaVid.Server.Files;

/// <summary>One SQLite file, one connection, one caller at a time. What a call has committed survives a kill and a power cut. Knows no tables.</summary>
internal sealed class Database : IDisposable
{
    private readonly Lock _gate = new();
    private readonly SqliteConnection _connection;

    /// <param name="schema">statements that make what is not there yet</param>
    public Database(string path, string schema)
    {
        _connection = new(new SqliteConnectionStringBuilder { DataSource = path, Pooling = false }.ToString());
        try
        {
            _connection.Open();
            Run("PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL;");
            Run(schema);
        }
        catch
        {
            _connection.Dispose();
            throw;
        }
    }

    /// <returns>rows changed</returns>
    public int Run(string sql, params ReadOnlySpan<(string Name, object? Value)> values)
    {
        lock (_gate)
        {
            using var command = Command(sql, values);
            return command.ExecuteNonQuery();
        }
    }

    public List<T> Query<T>(string sql, Func<SqliteDataReader, T> read, params ReadOnlySpan<(string Name, object? Value)> values)
    {
        lock (_gate)
        {
            using var command = Command(sql, values);
            using var reader = command.ExecuteReader();
            var rows = new List<T>();
            while (reader.Read()) rows.Add(read(reader));
            return rows;
        }
    }

    /// <summary>All of it or nothing; no other caller and no other process changes anything meanwhile.</summary>
    public T Transact<T>(Func<T> work)
    {
        lock (_gate)
        {
            using var transaction = _connection.BeginTransaction();
            var result = work();
            transaction.Commit();
            return result;
        }
    }

    public void Dispose()
    {
        lock (_gate) _connection.Dispose();
    }

    private SqliteCommand Command(string sql, ReadOnlySpan<(string Name, object? Value)> values)
    {
        var command = _connection.CreateCommand();
        command.CommandText = sql;
        foreach (var (name, value) in values) command.Parameters.AddWithValue(name, value ?? DBNull.Value);
        return command;
    }
}
