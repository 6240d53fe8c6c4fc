using System.Runtime.InteropServices;
using LlamaVid.Model.Decoder;
using static TorchSharp.torch;

namespace LlamaVid.Tests.Model.Decoder;

/// <summary>What runs in every layer of every step must lose nothing: some calls of TorchSharp lose about a hundred bytes each time (<c>Tensor.chunk</c>).</summary>
[Collection(AloneCollection.Name)]
public sealed partial class NativeMemoryTests
{
    private const int Times = 50_000;

    [Fact]
    public void Rotation_loses_no_native_memory()
    {
        using var inference = inference_mode();
        using Tensor x = randn(1, 4, 16), cos = randn(1, 1, 16), sin = randn(1, 1, 16);
        Rotate();
        var before = InUse();
        Rotate();
        Assert.InRange(InUse() - before, long.MinValue, 20 * Times);

        void Rotate()
        {
            for (var i = 0; i < Times; i++)
                using (NewDisposeScope())
                    RotaryTable.Rotate(x, cos, sin);
        }
    }

    private static long InUse()
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
