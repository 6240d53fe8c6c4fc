using System.Runtime.InteropServices;

namespace LlamaVid.Tests.Model;

/// <summary>How much of the C library's memory is in use, to the byte: what TorchSharp's calls allocate and do not free shows here.</summary>
internal static partial class NativeMemory
{
    public static long InUse()
    {
        GC.Collect();
        GC.WaitForPendingFinalizers();
        GC.Collect();
        return mallinfo2().InUse;
    }

    [LibraryImport("libc.so.6")]
    private static partial MallocInfo mallinfo2();

    /// <summary>glibc's struct mallinfo2.</summary>
    [StructLayout(LayoutKind.Sequential)]
    private struct MallocInfo
    {
        public nint Arena, FreeChunks, FastBins, MappedRegions, MappedBytes, MaxTotal, FastBinBytes, InUse, Free, Releasable;
    }
}
