using System.Buffers;
using System.Runtime.InteropServices;

namespace LlamaVid.Server.Requests;

/// <summary>The bytes of one body while it is received and read: straight from the system, which has them back at once. Knows no format.</summary>
/// <remarks>Arrays of many megabytes stay, long after their requests, until the collector looks at its oldest objects, and leave holes there: under attack the server swung by 200 MB.</remarks>
internal sealed unsafe partial class BodyMemory : MemoryManager<byte>
{
    private const int ReadWrite = 1 | 2, PrivateAnonymous = 2 | 0x20, MayMove = 1;
    private static readonly void* Failed = (void*)-1;

    private byte* _start;
    private int _capacity;

    /// <summary>Bytes that have come.</summary>
    public int Length { get; private set; }

    public ReadOnlyMemory<byte> Bytes => Memory[..Length];

    /// <summary>Where the next bytes go; empty when it is full.</summary>
    public Memory<byte> Free => Memory[Length..];

    /// <summary>Makes room; what has come stays. Memory is taken when bytes come.</summary>
    /// <exception cref="InsufficientMemoryException">the system has none</exception>
    public void GrowTo(int capacity)
    {
        var grown = !OperatingSystem.IsLinux() ? NativeMemory.Realloc(_start, (nuint)capacity)
            : _start is null ? mmap(null, (nuint)capacity, ReadWrite, PrivateAnonymous, -1, 0)
            : mremap(_start, (nuint)_capacity, (nuint)capacity, MayMove);
        if (grown == Failed) throw new InsufficientMemoryException($"The system has no {capacity} bytes for a body.");
        _start = (byte*)grown;
        _capacity = capacity;
    }

    /// <summary>Bytes have come, at the beginning of <see cref="Free"/>.</summary>
    public void Add(int count) => Length += count;

    public override Span<byte> GetSpan() => new(_start, _capacity);

    public override MemoryHandle Pin(int elementIndex = 0) =>
        (uint)elementIndex <= (uint)_capacity ? new(_start + elementIndex) : throw new ArgumentOutOfRangeException(nameof(elementIndex));

    public override void Unpin()
    {
    }

    protected override void Dispose(bool disposing)
    {
        if (_start is null) return;
        if (OperatingSystem.IsLinux()) _ = munmap(_start, (nuint)_capacity);
        else NativeMemory.Free(_start);
        _start = null;
        _capacity = Length = 0;
    }

    [LibraryImport("libc")]
    [DefaultDllImportSearchPaths(DllImportSearchPath.SafeDirectories)]
    private static partial void* mmap(void* address, nuint length, int protection, int flags, int file, long offset);

    [LibraryImport("libc")]
    [DefaultDllImportSearchPaths(DllImportSearchPath.SafeDirectories)]
    private static partial void* mremap(void* address, nuint length, nuint newLength, int flags);

    [LibraryImport("libc")]
    [DefaultDllImportSearchPaths(DllImportSearchPath.SafeDirectories)]
    private static partial int munmap(void* address, nuint length);
}
