using System.Text.Json;
using LlamaVid.Model;
using LlamaVid.Model.Weights;
using LlamaVid.Tests.Model;
using LlamaVid.Tests.Model.Weights;
using LlamaVid.Training.Checkpoints;
using TorchSharp;
using static TorchSharp.torch;

namespace LlamaVid.Tests.Training.Checkpoints;

public sealed class CheckpointWriterTests
{
    [Theory]
    [InlineData(ScalarType.Float32)]
    [InlineData(ScalarType.Float16)]
    public void Written_model_loads_strictly_and_holds_the_same_values(ScalarType dtype)
    {
        using var folder = new TemporaryFolder();
        using var scope = NewDisposeScope();
        var model = Models.Load(Repository.TinyModel);
        CheckpointWriter.CopyRest(CheckpointDirectory.Locate(Repository.TinyModel), folder.Path, config => config["bert_type"] = "qformer_pretrain_freeze_all");
        CheckpointWriter.WriteModel(folder.Path, model.State, dtype, largestShard: 400_000);

        using var again = LlamaVidModel.Load(new() { Path = folder.Path, Dtype = ModelDtype.Float32, Device = "cpu" });
        var written = again.State.ToDictionary();
        Assert.Equal(model.State.Select(item => item.Name), written.Keys);
        foreach (var (name, value) in model.State)
            Assert.True(value.to(dtype).to(value.dtype).Equals(written[name]), name);
        Assert.True(Directory.EnumerateFiles(folder.Path, "pytorch_model-*.bin").Count() > 1);
    }

    [Fact]
    public void Index_names_the_shard_of_every_tensor()
    {
        using var folder = new TemporaryFolder();
        using var scope = NewDisposeScope();
        CheckpointWriter.WriteModel(folder.Path, [("a", zeros(4)), ("b", zeros(4)), ("c", zeros(9))], ScalarType.Float32, largestShard: 32);

        var index = JsonDocument.Parse(File.ReadAllBytes(Path.Combine(folder.Path, "pytorch_model.bin.index.json"))).RootElement;
        string Shard(string name) => index.GetProperty("weight_map").GetProperty(name).GetString()!;
        Assert.Equal(("pytorch_model-00001-of-00002.bin", "pytorch_model-00001-of-00002.bin", "pytorch_model-00002-of-00002.bin"), (Shard("a"), Shard("b"), Shard("c")));
        Assert.Equal(17 * 4, index.GetProperty("metadata").GetProperty("total_size").GetInt64());
    }

    [Fact]
    public void Value_that_the_dtype_cannot_hold_is_refused_by_name_and_replaces_nothing()
    {
        using var folder = new TemporaryFolder();
        using var scope = NewDisposeScope();
        var path = folder.Write("tower.pth", "old");
        var fault = Assert.Throws<NotRepresentableException>(() => CheckpointWriter.WriteTorch(path, [("w", tensor([1f, 70_000f]))], ScalarType.Float16));
        Assert.Equal(("w", ScalarType.Float16), (fault.Tensor, fault.Dtype));
        Assert.Equal("old", File.ReadAllText(path));
    }

    [Fact]
    public void Every_dtype_comes_back_as_it_was()
    {
        using var folder = new TemporaryFolder();
        using var scope = NewDisposeScope();
        var path = Path.Combine(folder.Path, "all.bin");
        var dtypes = new[] { ScalarType.Float32, ScalarType.Float16, ScalarType.BFloat16, ScalarType.Int64 };
        TorchFile.Write(path, dtypes.Select(dtype => ($"{dtype}", arange(300, dtype: ScalarType.Int64).view(3, 100).to(dtype).t())));

        using var reader = CheckpointReader.Open(path);
        foreach (var dtype in dtypes)
        {
            var read = empty([100, 3], dtype);
            reader.CopyTo($"{dtype}", read);
            Assert.True(read.Equals(arange(300, dtype: ScalarType.Int64).view(3, 100).to(dtype).t()), $"{dtype}");
        }
    }
}
