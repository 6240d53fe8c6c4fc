using Microsoft.Data.Sqlite;

namespace LlamaVid.Server.Files;

/// <summary>One SQLite file, one connection, one caller at a time. What a call has committed survives a kill and a power cut. Knows no tables.</summary>
internal sealed class Database : IDisposable
{
    private const int ReservedBytes = 1 << 20;

    private readonly Lock _gate = new();
    private readonly SqliteConnection _connection;
    private readonly string _reserve;

    /// <param name="schema">statements that make what is not there yet</param>
    public Database(string path, string schema)
    {
        _reserve = $"{path}-reserve";
        _connection = new(new SqliteConnectionStringBuilder { DataSource = path, Pooling = false }.ToString());
        try
        {
            _connection.Open();
            Run("PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL;");
            Run(schema);
            KeepReserve();
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

    /// <inheritdoc cref="Transact{T}(Func{T})"/>
    public void Transact(Action work) => Transact(() =>
    {
        work();
        return true;
    });

    /// <summary>As <see cref="Transact{T}(Func{T})"/>, for what makes room. On a full disk it has a reserve to write in, since even the deletion of a row is written.</summary>
    public T GiveBack<T>(Func<T> work)
    {
        lock (_gate)
        {
            try
            {
                return Transact(work);
            }
            catch (SqliteException fault) when (Disk.IsFull(fault))
            {
                File.Delete(_reserve);
                return Transact(work);
            }
            finally
            {
                KeepReserve();
            }
        }
    }

    public void Dispose()
    {
        lock (_gate) _connection.Dispose();
    }

    private void KeepReserve()
    {
        if (new FileInfo(_reserve) is { Exists: true, Length: ReservedBytes }) return;
        try
        {
            using var reserve = new FileStream(_reserve, FileMode.Create, FileAccess.Write, FileShare.None, 0);
            reserve.Write(new byte[ReservedBytes]);
        }
        catch (IOException)
        {
            // What could be written is the reserve until there is more room.
        }
    }

    private SqliteCommand Command(string sql, ReadOnlySpan<(string Name, object? Value)> values)
    {
        var command = _connection.CreateCommand();
        command.CommandText = sql;
        foreach (var (name, value) in values) command.Parameters.AddWithValue(name, value ?? DBNull.Value);
        return command;
    }
}
