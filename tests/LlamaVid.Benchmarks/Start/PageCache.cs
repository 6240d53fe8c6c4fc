using System.Runtime.InteropServices;
using Microsoft.Win32.SafeHandles;

namespace LlamaVid.Benchmarks.Start;

/// <summary>Takes files out of the system's memory, so that reading them reads the disk. Needs no rights, and leaves other files alone.</summary>
internal static partial class PageCache
{
    private const int DontNeed = 4;                                         // POSIX_FADV_DONTNEED

    public static void Forget(IEnumerable<string> files)
    {
        foreach (var file in files)
        {
            using var handle = File.OpenHandle(file, FileMode.Open, FileAccess.ReadWrite, FileShare.ReadWrite);
            RandomAccess.FlushToDisk(handle);                               // unwritten pages stay
            if (Advise(handle, 0, 0, DontNeed) is not 0 and var fault) throw new BenchmarkException($"The pages of {Path.GetFileName(file)} cannot be let go ({fault}).");
        }
    }

    [LibraryImport("libc", EntryPoint = "posix_fadvise")]
    [DefaultDllImportSearchPaths(DllImportSearchPath.SafeDirectories)]
    private static partial int Advise(SafeFileHandle file, long offset, long length, int advice);
}
