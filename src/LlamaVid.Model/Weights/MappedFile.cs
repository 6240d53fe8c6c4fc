using System.IO.MemoryMappedFiles;
using System.Runtime.InteropServices;

namespace LlamaVid.Model.Weights;

/// <summary>A file's bytes through a read-only memory map, every access checked against its length; it knows no format.</summary>
/// <remarks>The file must not be shortened while it is open: the operating system ends a process that reads a vanished page.</remarks>
internal sealed unsafe partial class MappedFile : IDisposable
{
    private const int WillNeed = 3, DontNeed = 4;       // MADV_WILLNEED, MADV_DONTNEED

    private readonly MemoryMappedFile _map;
    private readonly MemoryMappedViewAccessor _view;
    private byte* _start;

    private MappedFile(string path, long length, MemoryMappedFile map)
    {
        (Path, Length, _map) = (path, length, map);
        _view = map.CreateViewAccessor(0, 0, MemoryMappedFileAccess.Read);
        _view.SafeMemoryMappedViewHandle.AcquirePointer(ref _start);
    }

    public string Path { get; }
    public long Length { get; }

    /// <exception cref="CheckpointException">The file is missing, empty or unreadable.</exception>
    public static MappedFile Open(string path)
    {
        try
        {
            var stream = new FileStream(path, FileMode.Open, FileAccess.Read, FileShare.Read, bufferSize: 0);
            var length = stream.Length;
            if (length == 0)
            {
                stream.Dispose();
                throw new CheckpointException(path, "the file is empty.");
            }
            var map = MemoryMappedFile.CreateFromFile(stream, null, 0, MemoryMappedFileAccess.Read, HandleInheritability.None, leaveOpen: false);
            return new(path, length, map);
        }
        catch (Exception fault) when (fault is FileNotFoundException or DirectoryNotFoundException)
        {
            throw new CheckpointException(path, "the file does not exist.", fault);
        }
        catch (Exception fault) when (fault is IOException or UnauthorizedAccessException)
        {
            throw new CheckpointException(path, $"the file cannot be read: {fault.Message}", fault);
        }
    }

    public bool Contains(long offset, long count) => offset >= 0 && count >= 0 && offset <= Length - count;

    /// <exception cref="CheckpointException">The range is not inside the file.</exception>
    public ReadOnlySpan<byte> Read(long offset, int count)
    {
        ObjectDisposedException.ThrowIf(_start is null, this);
        if (!Contains(offset, count))
            throw Fault($"the file is truncated: {count} bytes at {offset} are needed, it has {Length} bytes.");
        return new(_start + offset, count);
    }

    /// <summary>A range will be read: the system brings it into memory in the background.</summary>
    public void Expect(long offset, long count) => Advise(offset, count, WillNeed);

    /// <summary>Takes a range that has been read out of this process's memory; reading it again is still allowed.</summary>
    public void Release(long offset, long count) => Advise(offset, count, DontNeed);

    private void Advise(long offset, long count, int advice)
    {
        if (!OperatingSystem.IsLinux() || count <= 0 || !Contains(offset, count)) return;
        var first = offset / Environment.SystemPageSize * Environment.SystemPageSize;
        _ = madvise(_start + first, (nuint)(offset + count - first), advice);
    }

    /// <summary>The exception for something wrong in this file.</summary>
    public CheckpointException Fault(string problem) => new(Path, problem);

    public void Dispose()
    {
        if (_start is null) return;
        _start = null;
        _view.SafeMemoryMappedViewHandle.ReleasePointer();
        _view.Dispose();
        _map.Dispose();
    }

    [LibraryImport("libc")]
    [DefaultDllImportSearchPaths(DllImportSearchPath.SafeDirectories)]
    private static partial int madvise(byte* address, nuint length, int advice);
}
