using System.Security.Cryptography;
using LlamaVid.Media;

namespace LlamaVid.Server.Files;

/// <summary>Bytes on their way to the disk: counted against the limits and hashed as they arrive. Disposed without being kept, it leaves nothing.</summary>
internal sealed class IncomingFile : IDisposable
{
    private readonly FileRoom _room;
    private readonly long _maxBytes;
    private readonly IncrementalHash _hash = IncrementalHash.CreateHash(HashAlgorithmName.SHA256);
    private readonly byte[] _head = new byte[MediaFormat.SniffedBytes];
    private readonly FileStream _disk;
    private long _reserved;

    public IncomingFile(string path, FileRoom room, long maxBytes)
    {
        (Path, _room, _maxBytes) = (path, room, maxBytes);
        _disk = new(path, FileMode.CreateNew, FileAccess.Write, FileShare.None, 0, FileOptions.Asynchronous);      // locked: a sweep leaves it alone
    }

    public string Path { get; }

    public long Bytes { get; private set; }

    /// <summary>The first bytes, by which the content is known.</summary>
    public ReadOnlySpan<byte> Head => _head.AsSpan(0, (int)Math.Min(Bytes, _head.Length));

    /// <exception cref="PayloadTooLargeException">more bytes than one file may have</exception>
    /// <exception cref="FileQuotaExceededException">no room for them</exception>
    public async Task WriteAsync(ReadOnlyMemory<byte> bytes, CancellationToken cancellationToken)
    {
        if (Bytes + bytes.Length > _maxBytes) throw new PayloadTooLargeException(bytes: null, _maxBytes);
        _room.Reserve(bytes.Length);
        _reserved += bytes.Length;
        if (Bytes < _head.Length) bytes.Span[..(int)Math.Min(bytes.Length, _head.Length - Bytes)].CopyTo(_head.AsSpan((int)Bytes));
        _hash.AppendData(bytes.Span);
        await _disk.WriteAsync(bytes, cancellationToken);
        Bytes += bytes.Length;
    }

    /// <summary>Puts everything on the disk itself.</summary>
    /// <returns>SHA-256 of the bytes, lower-case hexadecimal</returns>
    public string Finish()
    {
        _disk.Flush(flushToDisk: true);
        return Convert.ToHexStringLower(_hash.GetHashAndReset());
    }

    /// <summary>Gives the lock up, for what is to be moved to where others read it.</summary>
    public void Close() => _disk.Dispose();

    /// <summary>Deletes what was not moved elsewhere, and gives the room back.</summary>
    public void Dispose()
    {
        File.Delete(Path);
        _disk.Dispose();
        _hash.Dispose();
        _room.Release(_reserved);
    }
}
