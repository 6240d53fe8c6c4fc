using LlamaVid.Server.Files;
using Microsoft.Data.Sqlite;

namespace LlamaVid.Server.Hosting;

/// <summary>Deletes files and uploads whose time is over, every minute. Opens the store before the socket, so that one that cannot be opened stops the start.</summary>
internal sealed class FileExpiry(FileStore store, UploadStore uploads, TimeProvider time, ILogger<FileExpiry> logger) : IHostedService, IDisposable
{
    private static readonly TimeSpan Interval = TimeSpan.FromMinutes(1);

    private ITimer? _timer;

    public Task StartAsync(CancellationToken cancellationToken)
    {
        _timer = time.CreateTimer(_ => RemoveExpired(), null, Interval, Interval);
        return Task.CompletedTask;
    }

    public async Task StopAsync(CancellationToken cancellationToken)
    {
        if (_timer is not null) await _timer.DisposeAsync();       // waits for one that runs
    }

    public void Dispose() => _timer?.Dispose();

    private void RemoveExpired()
    {
        try
        {
            store.RemoveExpired();
            uploads.RemoveExpired();
        }
        catch (Exception fault) when (fault is IOException or UnauthorizedAccessException or SqliteException)
        {
            Log.ExpiryFailed(logger, fault.Message);               // the next minute tries again
        }
    }
}
