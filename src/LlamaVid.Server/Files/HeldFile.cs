namespace LlamaVid.Server.Files;

/// <summary>A file in use: as long as it is held, its bytes stay where they are, even when the file is deleted meanwhile.</summary>
/// <remarks>What holds the bytes is a shared lock on them, so other processes respect it too, and it ends with this one however that ends.</remarks>
internal sealed class HeldFile(ClientFile file, FileStream bytes, Action released) : IDisposable
{
    private int _disposed;

    public ClientFile File => file;

    public string Path => bytes.Name;

    /// <summary>The bytes, to be read by one reader.</summary>
    public FileStream Bytes => bytes;

    public void Dispose()
    {
        if (Interlocked.Exchange(ref _disposed, 1) == 1) return;
        bytes.Dispose();
        released();
    }
}
