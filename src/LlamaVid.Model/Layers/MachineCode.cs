using System.Runtime.InteropServices;
using Iced.Intel;

namespace LlamaVid.Model.Layers;

/// <summary>Puts assembled instructions where the processor may run them, for as long as the process lives. Knows no kernel.</summary>
/// <remarks>The memory is never writable and executable at once.</remarks>
internal static unsafe partial class MachineCode
{
    private const int Read = 1, Write = 2, Execute = 4, Private = 2, Anonymous = 0x20;      // of <sys/mman.h> on Linux

    /// <returns>where the first instruction lies; null where the system allows no such memory</returns>
    public static nint? Load(Assembler instructions)
    {
        using var code = new MemoryStream();
        instructions.Assemble(new StreamCodeWriter(code), rip: 0);
        var length = (nuint)code.Length;
        var memory = mmap(0, length, Read | Write, Private | Anonymous, -1, 0);
        if (memory == -1) return null;
        code.ToArray().CopyTo(new Span<byte>((void*)memory, (int)length));
        if (mprotect(memory, length, Read | Execute) == 0) return memory;
        _ = munmap(memory, length);
        return null;
    }

    [LibraryImport("libc")]
    [DefaultDllImportSearchPaths(DllImportSearchPath.SafeDirectories)]
    private static partial nint mmap(nint address, nuint length, int protection, int flags, int file, nint offset);

    [LibraryImport("libc")]
    [DefaultDllImportSearchPaths(DllImportSearchPath.SafeDirectories)]
    private static partial int mprotect(nint address, nuint length, int protection);

    [LibraryImport("libc")]
    [DefaultDllImportSearchPaths(DllImportSearchPath.SafeDirectories)]
    private static partial int munmap(nint address, nuint length);
}
