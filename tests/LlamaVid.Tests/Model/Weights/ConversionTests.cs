using System.Runtime.InteropServices;
using LlamaVid.Model.Weights;
using TorchSharp;

namespace LlamaVid.Tests.Model.Weights;

/// <summary>Values on their way from a file into a tensor of another type, against .NET's own conversions.</summary>
public sealed class ConversionTests
{
    private static readonly float[] Numbers =
    [
        0f, -0f, 1f, -1.5f, 1.00390625f, 1.01171875f, 1.0009765625f + 1f / 4096, 1f + 1f / 2048, 1f + 3f / 2048, 65504f, 65519f, 65520f, 1e-8f, 5.9604645e-8f, 2.9802322e-8f, 6e-5f,
        3.4028235e38f, 1e-40f, float.PositiveInfinity, float.NegativeInfinity, float.NaN, 3.14159274f, 0.1f,
    ];

    [Fact]
    public void Float32_becomes_float16_by_rounding_to_nearest_even() =>
        Assert.Equal(Numbers.Select(value => BitConverter.HalfToUInt16Bits((Half)value)).Select(NoPayload16), Convert<ushort>("F32", CheckpointFiles.Bytes(Numbers), torch.ScalarType.Float16).Select(NoPayload16));

    [Fact]
    public void Float32_becomes_bfloat16_by_rounding_to_nearest_even() =>
        Assert.Equal(Numbers.Select(Bfloat16), Convert<ushort>("F32", CheckpointFiles.Bytes(Numbers), torch.ScalarType.BFloat16).Select(bits => (bits & 0x7fff) > 0x7f80 ? (ushort)0x7fc0 : bits));

    [Fact]
    public void Every_bfloat16_and_every_float16_becomes_the_same_float32()
    {
        var all = Enumerable.Range(0, 65536).Select(bits => (ushort)bits).ToArray();
        Assert.Equal(all.Select(bits => BitConverter.UInt32BitsToSingle((uint)bits << 16)), Convert<float>("BF16", CheckpointFiles.Bytes(all), torch.ScalarType.Float32));
        Assert.Equal(all.Select(bits => (float)BitConverter.UInt16BitsToHalf(bits)), Convert<float>("F16", CheckpointFiles.Bytes(all), torch.ScalarType.Float32));
    }

    [Fact]
    public void Doubles_and_whole_numbers_become_floats()
    {
        Assert.Equal([0.1f, -3f], Convert<float>("F64", CheckpointFiles.Bytes(0.1, -3.0), torch.ScalarType.Float32));
        Assert.Equal([5f, -6f], Convert<float>("I64", CheckpointFiles.Bytes(5L, -6L), torch.ScalarType.Float32));
        Assert.Equal([7L, -1L], Convert<long>("I32", CheckpointFiles.Bytes(7, -1), torch.ScalarType.Int64));
        Assert.Equal([255f, 0f], Convert<float>("U8", [255, 0], torch.ScalarType.Float32));
    }

    [Theory]
    [InlineData(torch.ScalarType.BFloat16), InlineData(torch.ScalarType.Float32)]
    public void Tensor_of_several_blocks_at_an_odd_offset_is_copied_whole(torch.ScalarType dtype)
    {
        const int count = 5_000_003;
        var values = new ushort[count];
        for (var i = 0; i < count; i++) values[i] = (ushort)(i * 2654435761u >> 17);
        var file = CheckpointFiles.Safetensors($$$"""{"pad":{"dtype":"U8","shape":[1],"data_offsets":[0,1]},"w":{"dtype":"BF16","shape":[{{{count}}}],"data_offsets":[1,{{{1 + 2 * count}}}]}}""",
            [0, .. MemoryMarshal.AsBytes<ushort>(values)]);

        using var folder = new TemporaryFolder();
        using var reader = CheckpointReader.Open(folder.Write("a.safetensors", file));
        using var tensor = reader.Read("w", dtype);
        if (dtype == torch.ScalarType.Float32)
            Assert.True(MemoryMarshal.Cast<byte, uint>(tensor.bytes).SequenceEqual(values.Select(bits => (uint)bits << 16).ToArray()));
        else
            Assert.True(MemoryMarshal.Cast<byte, ushort>(tensor.bytes).SequenceEqual(values));
    }

    [Fact]
    public void Parameter_that_wants_gradients_is_filled_too()
    {
        using var folder = new TemporaryFolder();
        using var reader = CheckpointReader.Open(folder.Write("a.safetensors", CheckpointFiles.Safetensors(("w", [1f, 2f]))));
        using var parameter = torch.nn.Parameter(torch.empty(2, torch.bfloat16), requires_grad: true);
        reader.CopyTo("w", parameter);
        using var values = parameter.to(torch.ScalarType.Float32);
        Assert.Equal([1f, 2f], values.data<float>().ToArray());
        Assert.True(parameter.is_leaf);
    }

    private static T[] Convert<T>(string dtype, byte[] values, torch.ScalarType wanted) where T : unmanaged
    {
        var count = values.Length / (dtype is "F64" or "I64" ? 8 : dtype is "F32" or "I32" ? 4 : dtype is "U8" ? 1 : 2);
        using var folder = new TemporaryFolder();
        using var reader = CheckpointReader.Open(folder.Write("a.safetensors", CheckpointFiles.Safetensors($$$"""{"w":{"dtype":"{{{dtype}}}","shape":[{{{count}}}],"data_offsets":[0,{{{values.Length}}}]}}""", values)));
        using var tensor = reader.Read("w", wanted);
        return MemoryMarshal.Cast<byte, T>(tensor.bytes).ToArray();
    }

    private static ushort NoPayload16(ushort bits) => (bits & 0x7fff) > 0x7c00 ? (ushort)0x7e00 : bits;

    /// <summary>Nearest by exhaustive comparison of the two neighbours in double.</summary>
    private static ushort Bfloat16(float value)
    {
        if (float.IsNaN(value)) return 0x7fc0;
        var bits = BitConverter.SingleToUInt32Bits(value);
        ushort below = (ushort)(bits >> 16), above = (ushort)(below + 1);
        if ((bits & 0xffff) == 0) return below;
        double low = Magnitude(below), high = Magnitude(above), exact = Math.Abs((double)value);
        if (exact - low != high - exact) return exact - low < high - exact ? below : above;
        return below % 2 == 0 ? below : above;
    }

    private static double Magnitude(ushort bits) =>
        (bits & 0x7fff) == 0x7f80 ? Math.ScaleB(1, 128) : Math.Abs(BitConverter.UInt32BitsToSingle((uint)bits << 16));
}
