using System.Runtime.InteropServices;
using Iced.Intel;

namespace LlamaVid.Model.Layers;

/// <summary>Puts assembled instructions where the processor may run them, for as long as the process lives. Knows no kernel.</summary>
/// <remarks>The memory is never writable and executable at once.</remarks>
internal static unsafe partial class MachineCode
{
    private const int Read = 1, Write = 2, Execute = 4, Private = 2, Anonymous = 0x20;      // of <sys/mman.h> on Linux

    /// <summary>A loop for each number of rows, for processors with AVX512-VNNI.</summary>
    /// <param name="assemble">given a number of rows, from 1 to <paramref name="most"/></param>
    /// <returns>where they begin, by their numbers of rows; null where the processor or the system does not allow it</returns>
    public static nint[]? OfRows(int most, Func<int, Assembler> assemble)
    {
        if (!OperatingSystem.IsLinux() || !Devices.SumsInt8In512Bits) return null;
        var loops = new nint[most + 1];
        for (var rows = 1; rows <= most; rows++)
        {
            if (Load(assemble(rows)) is not { } address) return null;
            loops[rows] = address;
        }
        return loops;
    }

    private static nint? Load(Assembler instructions)
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
