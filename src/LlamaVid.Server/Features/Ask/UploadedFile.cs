using LlamaVid.Media;

namespace LlamaVid.Server.Features.Ask;

/// <summary>Receives an uploaded file into a folder of its own. Never held in memory; the client's name for it is never used.</summary>
internal static class UploadedFile
{
    /// <returns>The folder; the file is its media. To be disposed when it has been answered about.</returns>
    public static async Task<Workspace> ReceiveAsync(
        Func<byte[], CancellationToken, Task<int>> body, MediaOptions options, CancellationToken cancellationToken)
    {
        var workspace = Workspace.Create(options);
        try
        {
            await using var disk = workspace.CreateMedia();
            var buffer = new byte[128 * 1024];
            long total = 0;
            for (int read; (read = await body(buffer, cancellationToken)) > 0;)
            {
                total += read;
                if (total > options.MaxBytes)
                    throw new PayloadTooLargeException(bytes: null, options.MaxBytes);
                await disk.WriteAsync(buffer.AsMemory(0, read), cancellationToken);
            }
            return workspace;
        }
        catch
        {
            workspace.Dispose();
            throw;
        }
    }
}
