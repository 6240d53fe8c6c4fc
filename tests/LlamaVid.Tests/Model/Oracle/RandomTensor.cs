using System.Runtime.InteropServices;
using static TorchSharp.torch;

namespace LlamaVid.Tests.Model.Oracle;

/// <summary>A tensor of a made-up checkpoint: its values are exact in the type it is stored in.</summary>
internal sealed record RandomTensor(ScalarType Dtype, long[] Shape, float[] Values)
{
    /// <summary>The little-endian bytes of a checkpoint file.</summary>
    public byte[] Bytes() => Dtype switch
    {
        ScalarType.Float32 => MemoryMarshal.AsBytes<float>(Values).ToArray(),
        ScalarType.Float16 => MemoryMarshal.AsBytes<Half>(Values.Select(value => (Half)value).ToArray()).ToArray(),
        ScalarType.BFloat16 => MemoryMarshal.AsBytes<short>(Values.Select(value => (short)(BitConverter.SingleToInt32Bits(value) >> 16)).ToArray()).ToArray(),
        ScalarType.Int64 => MemoryMarshal.AsBytes<long>(Values.Select(value => (long)value).ToArray()).ToArray(),
        _ => throw new ArgumentOutOfRangeException(nameof(Dtype), Dtype, "no made-up checkpoint holds it"),
    };

    /// <summary>The nearest value below in magnitude that <paramref name="dtype"/> holds exactly.</summary>
    public static float Round(double value, ScalarType dtype) => dtype switch
    {
        ScalarType.Float16 => (float)(Half)value,
        ScalarType.BFloat16 => BitConverter.Int32BitsToSingle(BitConverter.SingleToInt32Bits((float)value) & ~0xffff),
        _ => (float)value,
    };
}
