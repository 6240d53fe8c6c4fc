using System.Runtime.InteropServices;
using LlamaVid.Engine;

namespace LlamaVid.Tests.Engine;

[Collection(AloneCollection.Name)]
public sealed partial class MemoryTests(EngineFixture fixture) : IClassFixture<EngineFixture>
{
    /// <summary>
    /// Native memory in use, to the byte. Scalars are never freed (docs/decisions/0002), and some calls of TorchSharp lose a little each time
    /// (<c>Tensor.chunk</c> about a hundred bytes): one of either in each layer of each step would show as megabytes here.
    /// </summary>
    [Fact]
    public async Task Native_memory_stays_flat_over_thousands_of_steps()
    {
        var request = EngineFixture.Text("Go on", 2000) with { IgnoreEos = true };
        for (var i = 0; i < 2; i++) await fixture.Engine.Submit(request).AllAsync();

        var before = InUse();
        for (var i = 0; i < 3; i++) await fixture.Engine.Submit(request).AllAsync();

        Assert.InRange(InUse() - before, long.MinValue, 1 << 20);
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
