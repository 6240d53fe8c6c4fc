using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics.X86;

namespace LlamaVid.Model.Layers;

/// <summary>Asks for the bytes of a weight before a loop comes to them.</summary>
/// <remarks>
/// The processor itself looks ahead within a page of 4 KB only, and a core waits for too few lines at a time: two cores of a Xeon read weights at 18 GB/s without and 24 with this,
/// from a distance of 4 KB on. Bytes behind the last one may be asked for, which is no access.
/// </remarks>
internal static unsafe class Ahead
{
    private const int Distance = 8192, BytesOfLine = 64;

    /// <summary>What each of some groups of rows asks for of the weights that come next, so that they arrive evenly while all are multiplied: whole lines.</summary>
    /// <param name="bytes">for all groups</param>
    public static int Share(int bytes, int groups) => ((bytes + groups - 1) / groups + BytesOfLine - 1) / BytesOfLine * BytesOfLine;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void Line1(void* weight) => Line((byte*)weight + Distance);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void Lines2(void* weight)
    {
        Line1(weight);
        Line1((byte*)weight + BytesOfLine);
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void Lines4(void* weight)
    {
        Lines2(weight);
        Lines2((byte*)weight + 2 * BytesOfLine);
    }

    /// <param name="next">the weights themselves</param>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void Lines2At(byte* next)
    {
        Line(next);
        Line(next + BytesOfLine);
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static void Line(byte* line)
    {
        if (Sse.IsSupported) Sse.Prefetch1(line);
    }
}
