using LlamaVid.Model.Weights;
using TorchSharp;

namespace LlamaVid.Tests.Model.Weights;

public sealed class SafetensorsFileTests
{
    [Fact]
    public void Tensors_are_read_whatever_their_order_and_metadata_is_skipped()
    {
        var file = CheckpointFiles.Safetensors(
            """{"__metadata__":{"format":"pt"},"b":{"dtype":"F32","shape":[2,1],"data_offsets":[4,12]},"a":{"dtype":"F32","shape":[],"data_offsets":[0,4]},"c":{"dtype":"F16","shape":[0,5],"data_offsets":[12,12]}}   """,
            CheckpointFiles.Bytes(1f, 2f, 3f));
        using var folder = new TemporaryFolder();
        using var reader = CheckpointReader.Open(folder.Write("a.safetensors", file));

        Assert.Equal(["a", "b", "c"], reader.Tensors.Keys.Order());
        Assert.Equal(new long[] { 2, 1 }, reader.Tensors["b"].Shape);
        Assert.Equal(torch.ScalarType.Float16, reader.Tensors["c"].Dtype);
        using var b = reader.Read("b");
        Assert.Equal([2f, 3f], b.flatten().data<float>().ToArray());
        using var a = reader.Read("a");
        Assert.Equal(1f, a.item<float>());
    }

    [Theory]
    [InlineData("""{"w":{"dtype":"F32","shape":[2],"data_offsets":[0,12]}}""", "which is not the 12 bytes")]
    [InlineData("""{"w":{"dtype":"F32","shape":[4],"data_offsets":[0,12]}}""", "needs 16 bytes where the file has 12")]
    [InlineData("""{"w":{"dtype":"F32","shape":[3],"data_offsets":[4,16]}}""", "\"w\" needs 12 bytes where the file has 8")]
    [InlineData("""{"w":{"dtype":"F32","shape":[3],"data_offsets":[-4,8]}}""", "[begin, end]")]
    [InlineData("""{"w":{"dtype":"F32","shape":[3],"data_offsets":[12,0]}}""", "[begin, end]")]
    [InlineData("""{"w":{"dtype":"F32","shape":[3],"data_offsets":[0]}}""", "[begin, end]")]
    [InlineData("""{"w":{"dtype":"F32","shape":[3],"data_offsets":[9223372036854775796,9223372036854775807]}}""", "\"w\"")]
    [InlineData("""{"w":{"dtype":"F8_E4M3","shape":[3],"data_offsets":[0,3]}}""", "dtype F8_E4M3; accepted: F64")]
    [InlineData("""{"w":{"dtype":"F32","shape":[-3],"data_offsets":[0,12]}}""", "impossible shape")]
    [InlineData("""{"w":{"dtype":"F32","shape":[4294967296,4294967296],"data_offsets":[0,12]}}""", "larger than any memory")]
    [InlineData("""{"w":{"dtype":"F32","shape":[4611686018427387904,4],"data_offsets":[0,0]}}""", "larger than any memory")]
    [InlineData("""{"w":{"dtype":"F32","shape":[1.5],"data_offsets":[0,12]}}""", "entry for tensor \"w\"")]
    [InlineData("""{"w":{"shape":[3],"data_offsets":[0,12]}}""", "entry for tensor \"w\"")]
    [InlineData("""{"w":{"dtype":7,"shape":[3],"data_offsets":[0,12]}}""", "entry for tensor \"w\"")]
    [InlineData("""{"w":null}""", "entry for tensor \"w\"")]
    [InlineData("""{"\ud800":{"dtype":"F32","shape":[3],"data_offsets":[0,12]}}""", "entry for tensor")]
    [InlineData("""{"a":{"dtype":"F32","shape":[2],"data_offsets":[0,8]},"b":{"dtype":"F32","shape":[2],"data_offsets":[4,12]}}""", "\"b\" overlaps tensor \"a\"")]
    [InlineData("""{"a":{"dtype":"F32","shape":[1],"data_offsets":[0,4]},"a":{"dtype":"F32","shape":[1],"data_offsets":[4,8]}}""", "\"a\" is here and also")]
    [InlineData("""{"a":""", "not valid")]
    [InlineData("""["a"]""", "not an object")]
    public void Damaged_header_is_refused(string header, string why) =>
        Assert.Contains(why, Checkpoints.Refuses(CheckpointFiles.Safetensors(header, new byte[12]), "a.safetensors").Message);

    [Theory]
    [InlineData(0), InlineData(-1), InlineData(1000), InlineData(long.MaxValue), InlineData(1L << 40)]
    public void Header_length_outside_the_file_is_refused(long length)
    {
        var file = CheckpointFiles.Safetensors(("w", [1f]));
        BitConverter.TryWriteBytes(file, length);
        Assert.Contains("header claims", Checkpoints.Refuses(file, "a.safetensors").Message);
    }

    [Fact]
    public void Every_truncation_is_refused()
    {
        var file = CheckpointFiles.Safetensors(("a", [1f, 2f]), ("b", [3f]));
        for (var length = 0; length < file.Length; length++) Checkpoints.Refuses(file[..length], "a.safetensors");
    }
}
