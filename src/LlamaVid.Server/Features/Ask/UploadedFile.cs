using LlamaVid.Media;

namespace LlamaVid.Server.Features.Ask;

/// <summary>An uploaded file on disk under a name of our own, gone when disposed. Never held in memory; the client's name for it is never used.</summary>
internal sealed class UploadedFile : IAsyncDisposable
{
    private UploadedFile(string path) => Path = path;

    public string Path { get; }

    public static async Task<UploadedFile> ReceiveAsync(
        Func<byte[], CancellationToken, Task<int>> body, MediaOptions options, CancellationToken cancellationToken)
    {
        var folder = Directory.CreateDirectory(options.TempDirectory.Length > 0 ? options.TempDirectory : System.IO.Path.GetTempPath());
        var file = new UploadedFile(System.IO.Path.Combine(folder.FullName, $"llamavid-upload-{System.IO.Path.GetRandomFileName()}"));
        try
        {
            var how = new FileStreamOptions { Mode = FileMode.CreateNew, Access = FileAccess.Write, Options = FileOptions.Asynchronous, BufferSize = 0 };
            if (!OperatingSystem.IsWindows())
                how.UnixCreateMode = UnixFileMode.UserRead | UnixFileMode.UserWrite;
            await using var disk = new FileStream(file.Path, how);
            var buffer = new byte[128 * 1024];
            long total = 0;
            for (int read; (read = await body(buffer, cancellationToken)) > 0;)
            {
                total += read;
                if (total > options.MaxBytes)
                    throw new PayloadTooLargeException(bytes: null, options.MaxBytes);
                await disk.WriteAsync(buffer.AsMemory(0, read), cancellationToken);
            }
            return file;
        }
        catch
        {
            await file.DisposeAsync();
            throw;
        }
    }

    public ValueTask DisposeAsync()
    {
        File.Delete(Path);
        return ValueTask.CompletedTask;
    }
}
