using System.Buffers.Binary;
using TorchSharp;
using Xunit.Sdk;
using static TorchSharp.torch;

namespace LlamaVid.Tests;

/// <summary>The test suite's own instruments are read by every other golden test, so they are tested first.</summary>
public sealed class GoldenTests
{
    [Fact]
    public void Golden_reads_tensors_and_facts_of_a_case()
    {
        using var scope = NewDisposeScope();
        var golden = Golden.Open("cases/short_video");

        Assert.Equal([2L, 257, 88], golden["vision.tower_output"].shape);
        Assert.Equal([0L, 4], golden.KeptRows("vision.tower_output")!);
        Assert.Null(golden.KeptRows("logits.last"));
        Assert.Equal("clip_a.mp4|crop|224", golden.Json.GetProperty("input").GetString());
        Assert.Equal(golden.Json.GetProperty("gen_ids")[1].GetInt64(), golden["gen.ids"][1].item<long>());
    }

    [Fact]
    public void Golden_keeps_the_files_bytes_and_dtype()
    {
        var path = Path.GetTempFileName();
        try
        {
            var header = """{"x":{"dtype":"F16","shape":[2],"data_offsets":[0,4]}}"""u8;
            var file = new byte[8 + header.Length + 4];
            BinaryPrimitives.WriteUInt64LittleEndian(file, (ulong)header.Length);
            header.CopyTo(file.AsSpan(8));
            BinaryPrimitives.WriteHalfLittleEndian(file.AsSpan(8 + header.Length), (Half)1.5);
            BinaryPrimitives.WriteHalfLittleEndian(file.AsSpan(8 + header.Length + 2), (Half)(-2));
            File.WriteAllBytes(path, file);

            using var tensor = Golden.OpenFile(path)["x"];

            Assert.Equal(ScalarType.Float16, tensor.dtype);
            Assert.Equal([(Half)1.5, (Half)(-2)], tensor.data<Half>().ToArray());
        }
        finally
        {
            File.Delete(path);
        }
    }

    [Fact]
    public void A_difference_is_reported_with_its_place_and_size()
    {
        using var scope = NewDisposeScope();
        var (expected, actual) = (zeros(2, 3), zeros(2, 3));
        actual[1, 2] = 0.5f;

        TensorAssert.Close(expected, actual, 0.5);
        var failure = Assert.ThrowsAny<XunitException>(() => TensorAssert.Close(expected, actual, 0.1));
        Assert.Equal("actual [2, 3]: 1 of 6 values differ by more than 0.1; maximum 0.5, mean 0.08333; first at [1, 2]: expected 0, got 0.5.", failure.Message);
    }

    [Fact]
    public void Not_a_number_is_never_close_to_a_number()
    {
        using var scope = NewDisposeScope();
        Assert.ThrowsAny<XunitException>(() => TensorAssert.Close(zeros(1), full(1, double.NaN), 1e9));
        TensorAssert.Close(full(1, double.NaN), full(1, double.NaN), 0);
    }
}
