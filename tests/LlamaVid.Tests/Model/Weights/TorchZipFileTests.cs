using System.IO.Compression;
using LlamaVid.Model.Weights;
using TorchSharp;

namespace LlamaVid.Tests.Model.Weights;

public sealed class TorchZipFileTests
{
    private static readonly byte[] Six = CheckpointFiles.Bytes(0f, 1f, 2f, 3f, 4f, 5f);

    [Fact]
    public void Views_of_one_storage_keep_their_offsets_and_strides()
    {
        var pickle = Pickle.Start().Op('}', '(')
            .Text("whole").Tensor("FloatStorage", "0", 6, 0, [2, 3], [3, 1])
            .Text("transposed").Tensor("FloatStorage", "0", 6, 0, [3, 2], [1, 3])
            .Text("column").Tensor("FloatStorage", "0", 6, 1, [2, 1], [3, 1])
            .Text("tail").Tensor("FloatStorage", "0", 6, 4, [2], [1])
            .Text("repeated").Tensor("FloatStorage", "0", 6, 5, [2, 2], [0, 0])
            .Text("scalar").Tensor("FloatStorage", "0", 6, 3, [], [])
            .Text("nothing").Tensor("FloatStorage", "0", 6, 6, [0, 3], [3, 1])
            .Op('u').Stop();
        var file = CheckpointFiles.Torch(pickle, ("data/0", Six), ("version", "3\n"u8.ToArray()), ("byteorder", "little"u8.ToArray()));

        Assert.Equal([0, 1, 2, 3, 4, 5], Flat(file, "whole"));
        Assert.Equal([0, 3, 1, 4, 2, 5], Flat(file, "transposed"));
        Assert.Equal([1, 4], Flat(file, "column"));
        Assert.Equal([4, 5], Flat(file, "tail"));
        Assert.Equal([5, 5, 5, 5], Flat(file, "repeated"));
        Assert.Equal([3], Flat(file, "scalar"));
        Assert.Empty(Flat(file, "nothing"));
    }

    [Theory]
    [InlineData("model"), InlineData("state_dict"), InlineData("module")]
    public void Dict_of_tensors_under_a_usual_name_is_opened(string wrapper)
    {
        var pickle = Pickle.Start().Op('}', '(').Text("epoch").Number(3).Text("rng").Tensor("FloatStorage", "0", 6, 0, [1], [1]).Text(wrapper)
            .Op('}').Text("w").Tensor("FloatStorage", "0", 6, 0, [6], [1]).Op('s').Op('u').Stop();
        Assert.Equal([0, 1, 2, 3, 4, 5], Flat(CheckpointFiles.Torch(pickle, ("data/0", Six)), "w"));
    }

    [Fact]
    public void Values_that_are_no_tensors_are_ignored()
    {
        var pickle = Pickle.Start().Op('}', '(').Text("names").Op(']', '(').Text("a").Number(1).Op('e').Text("rate").Op('G').Raw(new byte[8]).Text("none").Op('N')
            .Text("w").Tensor("FloatStorage", "0", 6, 0, [6], [1]).Op('u').Stop();
        using var folder = new TemporaryFolder();
        using var reader = CheckpointReader.Open(folder.Write("a.pth", CheckpointFiles.Torch(pickle, ("data/0", Six))));
        Assert.Equal("w", Assert.Single(reader.Tensors).Key);
    }

    [Theory]
    [InlineData("}."), InlineData("]."), InlineData("N."), InlineData("}X\u0005\u0000\u0000\u0000model}s."), InlineData("}q\u0000X\u0005\u0000\u0000\u0000modelh\u0000s.")]
    public void Pickle_without_a_dict_of_tensors_is_refused(string pickle) =>
        Assert.Contains("no dict of tensors", Checkpoints.Refuses(CheckpointFiles.Torch(Pickle.Start().Raw(pickle).Stop())).Message);

    [Fact]
    public void Zip64_archive_is_read()
    {
        var file = Zip64.Of(("archive/data.pkl", Pickle.OneTensor(6, 0, [6], [1])), ("archive/data/0", Six));
        Assert.Equal([0, 1, 2, 3, 4, 5], Flat(file, "w"));
    }

    [Fact]
    public void Big_endian_file_is_refused() =>
        Assert.Contains("big-endian", Checkpoints.Refuses(CheckpointFiles.Torch(Pickle.OneTensor(6, 0, [6], [1]), ("data/0", Six), ("byteorder", "big"u8.ToArray()))).Message);

    [Fact]
    public void Compressed_values_are_refused() => Assert.Contains("\"archive/data/0\" is compressed", Checkpoints.Refuses(CheckpointFiles.Zip(
        ("archive/data.pkl", Pickle.OneTensor(600, 0, [600], [1]), CompressionLevel.NoCompression), ("archive/data/0", new byte[2400], CompressionLevel.Optimal))).Message);

    [Fact]
    public void Torchscript_archive_is_refused() =>
        Assert.Contains("TorchScript", Checkpoints.Refuses(CheckpointFiles.Torch(Pickle.OneTensor(6, 0, [6], [1]), ("data/0", Six), ("constants.pkl", [1]))).Message);

    [Fact]
    public void Missing_storage_is_refused_by_name() =>
        Assert.Contains("no entry \"archive/data/0\"", Checkpoints.Refuses(CheckpointFiles.Torch(Pickle.OneTensor(6, 0, [6], [1]))).Message);

    [Fact]
    public void Storage_shorter_than_it_claims_is_refused() =>
        Assert.Contains("storage of 7 values", Checkpoints.Refuses(CheckpointFiles.Torch(Pickle.OneTensor(7, 0, [6], [1]), ("data/0", Six))).Message);

    [Fact]
    public void Duplicate_tensor_is_refused()
    {
        var pickle = Pickle.Start().Op('}', '(').Text("w").Tensor("FloatStorage", "0", 6, 0, [6], [1]).Text("w").Tensor("FloatStorage", "0", 6, 0, [6], [1]).Op('u').Stop();
        Assert.Contains("tensor \"w\" is here and also", Checkpoints.Refuses(CheckpointFiles.Torch(pickle, ("data/0", Six))).Message);
    }

    [Theory]
    [InlineData(6, 1, 6, 1)]                                  // past the end by offset
    [InlineData(6, 0, 7, 1)]                                  // by size
    [InlineData(6, 0, 3, 3)]                                  // by stride
    [InlineData(6, -1, 6, 1)]
    [InlineData(6, 0, -1, 1)]
    [InlineData(6, 0, 6, -1)]
    [InlineData(6, 0, long.MaxValue, 1)]
    [InlineData(6, 0, long.MaxValue, 0)]
    [InlineData(6, 0, 2, long.MaxValue)]
    [InlineData(6, long.MaxValue, 1, 1)]
    [InlineData(long.MaxValue, 0, 1, 1)]
    public void View_outside_its_storage_is_refused(long count, long offset, long size, long stride) =>
        Assert.Contains("\"w\"", Checkpoints.Refuses(CheckpointFiles.Torch(Pickle.OneTensor(count, offset, [size], [stride]), ("data/0", Six))).Message);

    [Fact]
    public void Shape_whose_product_overflows_is_refused() =>
        Assert.Contains("larger than any memory", Checkpoints.Refuses(CheckpointFiles.Torch(Pickle.OneTensor(6, 0, [1L << 32, 1L << 32], [0, 0]), ("data/0", Six))).Message);

    [Fact]
    public void Every_truncation_is_refused()
    {
        var file = CheckpointFiles.Torch(Pickle.OneTensor(6, 0, [6], [1]), ("data/0", Six), ("version", "3\n"u8.ToArray()));
        for (var length = 0; length < file.Length; length++) Checkpoints.Refuses(file[..length]);
    }

    [Fact]
    public void Foreign_formats_are_named_with_their_cure()
    {
        Assert.Contains("before 1.6", Checkpoints.Refuses([0x80, 2, 0x8a, 0x0a, 0x6c, 0xfc, 0x9c, 0x46, 0xf9, 0x20, 0x6a, 0xa8, 0x50, 0x19, (byte)'.']).Message);
        var tar = new byte[1024];
        "ustar"u8.CopyTo(tar.AsSpan(257));
        Assert.Contains("tar archive", Checkpoints.Refuses(tar).Message);
        Assert.Contains("git lfs pull", Checkpoints.Refuses("version https://git-lfs.github.com/spec/v1\noid sha256:0\n"u8.ToArray()).Message);
        Assert.Contains("download", Checkpoints.Refuses("<!DOCTYPE html><html></html>"u8.ToArray()).Message);
        Assert.Contains("empty", Checkpoints.Refuses([]).Message);
    }

    [Theory]
    [InlineData("DoubleStorage", torch.ScalarType.Float64, 8), InlineData("FloatStorage", torch.ScalarType.Float32, 4), InlineData("HalfStorage", torch.ScalarType.Float16, 2)]
    [InlineData("BFloat16Storage", torch.ScalarType.BFloat16, 2), InlineData("LongStorage", torch.ScalarType.Int64, 8), InlineData("IntStorage", torch.ScalarType.Int32, 4)]
    [InlineData("ShortStorage", torch.ScalarType.Int16, 2), InlineData("CharStorage", torch.ScalarType.Int8, 1), InlineData("ByteStorage", torch.ScalarType.Byte, 1), InlineData("BoolStorage", torch.ScalarType.Bool, 1)]
    public void Storage_classes_become_dtypes(string type, torch.ScalarType dtype, int size)
    {
        using var folder = new TemporaryFolder();
        using var reader = CheckpointReader.Open(folder.Write("a.bin", CheckpointFiles.Torch(Pickle.OneTensor(3, 0, [3], [1], type), ("data/0", new byte[3 * size]))));
        Assert.Equal(dtype, reader.Tensors["w"].Dtype);
        using var values = reader.Read("w", torch.ScalarType.Float32);
        Assert.Equal([0, 0, 0], values.data<float>().ToArray());
    }

    private static float[] Flat(byte[] file, string name)
    {
        using var folder = new TemporaryFolder();
        using var reader = CheckpointReader.Open(folder.Write("file.bin", file));
        using var tensor = reader.Read(name);
        using var flat = tensor.flatten();
        return flat.data<float>().ToArray();
    }
}
