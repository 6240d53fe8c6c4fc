namespace LlamaVid.Server.Files;

/// <summary>Bytes that files may take: those that lie there, and those that are arriving. Makes room by asking for long unused files to go.</summary>
/// <param name="used">bytes that lie there now</param>
/// <param name="evict">deletes files nobody has used for long until so many bytes are free, as far as there are such files</param>
internal sealed class FileRoom(long quota, Func<long> used, Action<long> evict)
{
    private readonly Lock _gate = new();
    private long _used = used();
    private long _arriving;

    /// <exception cref="FileQuotaExceededException">there is no room, and none can be made</exception>
    public void Reserve(long bytes)
    {
        lock (_gate)
        {
            if (Free < bytes)
            {
                _used = used();
                if (Free < bytes) evict(bytes - Free);
                _used = used();
                if (Free < bytes) throw FileQuotaExceededException.OfBytes(_used + _arriving, quota);
            }
            _arriving += bytes;
        }
    }

    public void Release(long bytes)
    {
        lock (_gate)
        {
            _arriving -= bytes;
            _used = used();
        }
    }

    private long Free => quota - _used - _arriving;
}
