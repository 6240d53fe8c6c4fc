using LlamaVid.Server.Files;

namespace LlamaVid.Server.Hosting;

/// <summary>Deletes files whose time is over, every minute. Opens the store before the socket, so that one that cannot be opened stops the start.</summary>
internal sealed class FileExpiry(FileStore store, TimeProvider time, ILogger<FileExpiry> logger) : BackgroundService
{
    protected override async Task ExecuteAsync(CancellationToken stoppingToken)
    {
        using var timer = new PeriodicTimer(TimeSpan.FromMinutes(1), time);
        while (await timer.WaitForNextTickAsync(stoppingToken))
        {
            try
            {
                store.RemoveExpired();
            }
            catch (Exception fault) when (fault is IOException or UnauthorizedAccessException or Microsoft.Data.Sqlite.SqliteException)
            {
                Log.ExpiryFailed(logger, fault.Message);   // the next minute tries again
            }
        }
    }
}
