using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;

namespace LlamaVid.Model.Layers;

/// <summary>e^x of sixteen floats that are not positive, as the weights of attention need it. The runtime's own, which computes in double, takes most of the time of an attention.</summary>
internal static class Exponential
{
    private const float Least = -87;                                        // below, e^x has no normal float

    /// <returns>within 3e-7 of e^x, relatively; below -87 what -87 has; NaN stays NaN</returns>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector512<float> Of(Vector512<float> x)
    {
        x = Vector512.Max(x, Vector512.Create(Least));
        var whole = Vector512.Round(x * Vector512.Create(1.44269504f));
        var rest = Vector512.FusedMultiplyAdd(whole, Vector512.Create(-0.693359375f), x);            // ln 2 in two parts
        rest = Vector512.FusedMultiplyAdd(whole, Vector512.Create(2.12194440e-4f), rest);
        var series = Vector512.Create(1f / 720);
        series = Vector512.FusedMultiplyAdd(series, rest, Vector512.Create(1f / 120));
        series = Vector512.FusedMultiplyAdd(series, rest, Vector512.Create(1f / 24));
        series = Vector512.FusedMultiplyAdd(series, rest, Vector512.Create(1f / 6));
        series = Vector512.FusedMultiplyAdd(series, rest, Vector512.Create(0.5f));
        series = Vector512.FusedMultiplyAdd(series, rest, Vector512<float>.One);
        series = Vector512.FusedMultiplyAdd(series, rest, Vector512<float>.One);
        var power = (Vector512.ConvertToInt32(whole) + Vector512.Create(127)) << 23;
        return series * power.AsSingle();
    }
}
