using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;
using System.Runtime.Intrinsics.X86;

namespace LlamaVid.Model.Layers;

/// <summary>Sums of products of unsigned with signed bytes that lie side by side.</summary>
internal static class ByteProducts
{
    /// <returns>32 sums of two products each; they must fit 16 bits</returns>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector512<short> Twos(Vector512<byte> left, Vector512<sbyte> right) => Avx512BW.IsSupported
        ? Avx512BW.MultiplyAddAdjacent(left, right)
        : Vector512.Create(Avx2.MultiplyAddAdjacent(left.GetLower(), right.GetLower()), Avx2.MultiplyAddAdjacent(left.GetUpper(), right.GetUpper()));

    /// <returns>16 sums of two</returns>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector512<int> Twos(Vector512<short> sums) => Avx512BW.IsSupported
        ? Avx512BW.MultiplyAddAdjacent(sums, Vector512<short>.One)
        : Vector512.Create(Avx2.MultiplyAddAdjacent(sums.GetLower(), Vector256<short>.One), Avx2.MultiplyAddAdjacent(sums.GetUpper(), Vector256<short>.One));

    /// <returns>16 sums of four products each</returns>
    public static Vector512<int> Fours(Vector512<byte> left, Vector512<sbyte> right) => Twos(Twos(left, right));
}
