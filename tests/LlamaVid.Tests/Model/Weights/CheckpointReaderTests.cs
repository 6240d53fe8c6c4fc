using LlamaVid.Model.Weights;
using TorchSharp;

namespace LlamaVid.Tests.Model.Weights;

public sealed class CheckpointReaderTests
{
    private const string Short = "goldens/work_dirs/llama-vid/llama-vid-7b-full-224-video-fps-1";

    [Fact]
    public void Bin_shards_safetensors_shards_and_one_fp16_file_hold_the_same_values()
    {
        using var bin = CheckpointReader.Open(Shared.Path(Short));
        using var shards = CheckpointReader.Open(Shared.Path(Short + "-safetensors"));
        using var single = CheckpointReader.Open(Shared.Path(Short + "-safetensors-single-fp16"));

        Assert.Equal(bin.Tensors.Keys.Order(), shards.Tensors.Keys.Order());
        Assert.Equal(bin.Tensors.Keys.Where(name => !name.StartsWith("model.vision_tower.", StringComparison.Ordinal)).Order(), single.Tensors.Keys.Order());
        Assert.All(bin.Tensors.Values, tensor => Assert.Equal((tensor.Dtype, string.Join(",", tensor.Shape)), (shards.Tensors[tensor.Name].Dtype, string.Join(",", shards.Tensors[tensor.Name].Shape))));
        foreach (var name in bin.Tensors.Keys)
        {
            using var expected = bin.Read(name);
            using var fromShards = shards.Read(name);
            Assert.True(expected.bytes.SequenceEqual(fromShards.bytes), name);
            if (!single.Tensors.ContainsKey(name)) continue;
            using var fromSingle = single.Read(name);
            Assert.True(expected.bytes.SequenceEqual(fromSingle.bytes), name);
        }
    }

    [Fact]
    public void Values_are_those_that_the_file_holds()
    {
        using var reader = CheckpointReader.Open(Shared.Path(Short));
        using var norms = reader.Read("model.norm.weight");
        using var ids = reader.Read("model.vlm_att_encoder.bert.embeddings.position_ids");
        Assert.Equal(64, norms.numel());
        Assert.All(norms.data<float>().ToArray(), value => Assert.InRange(value, 0.01f, 10f));
        Assert.Equal(Enumerable.Range(0, 512).Select(id => (long)id), ids.flatten().data<long>().ToArray());
    }

    [Theory]
    [InlineData("goldens/work_dirs/llama-vid-7b-pretrain-224-video-fps-1/mm_projector.bin", "model.mm_projector.0.weight")]
    [InlineData("goldens/model_zoo/LAVIS/eva_vit_g.pth", "blocks.2.attn.q_bias")]
    [InlineData("goldens/model_zoo/LAVIS/instruct_blip_vicuna7b_trimmed.pth", "query_tokens")]
    [InlineData("goldens/model_zoo/OpenAI/clip-vit-large-patch14", "vision_model.embeddings.class_embedding")]
    [InlineData("goldens/model_zoo/LLM/vicuna/7B-V1.5", "lm_head.weight")]
    [InlineData("assets/stories260K", "model.layers.0.self_attn.q_proj.weight")]
    public void Every_kind_of_official_file_opens(string path, string tensor)
    {
        using var reader = CheckpointReader.Open(Shared.Path(path));
        Assert.Contains(tensor, reader.Tensors.Keys);
        foreach (var name in reader.Tensors.Keys) reader.Read(name).Dispose();
    }

    [Fact]
    public void Every_golden_checkpoint_opens() =>
        Assert.All(Directory.GetDirectories(Shared.Path("goldens/work_dirs/llama-vid")), folder =>
        {
            using var reader = CheckpointReader.Open(folder);
            Assert.Contains("model.embed_tokens.weight", reader.Tensors.Keys);
        });

    [Fact]
    public void Incomplete_safetensors_give_way_to_a_complete_bin()
    {
        using var folder = new TemporaryFolder();
        folder.Write("model.safetensors.index.json", """{"weight_map":{"w":"model-00001-of-00002.safetensors","v":"model-00002-of-00002.safetensors"}}""");
        folder.Write("model-00001-of-00002.safetensors", CheckpointFiles.Safetensors(("w", [1f])));
        Assert.Contains("1 of its 2 files are missing: model-00002-of-00002.safetensors", Refused(folder).Message);

        folder.Write("pytorch_model.bin", CheckpointFiles.Torch(Pickle.OneTensor(1, 0, [1], [1]), ("data/0", CheckpointFiles.Bytes(2f))));
        using (var bin = CheckpointReader.Open(folder.Path)) Assert.EndsWith("pytorch_model.bin", bin.Tensors["w"].File, StringComparison.Ordinal);

        folder.Write("model-00002-of-00002.safetensors", CheckpointFiles.Safetensors(("v", [1f])));
        using var safetensors = CheckpointReader.Open(folder.Path);
        Assert.Equal(["v", "w"], safetensors.Tensors.Keys.Order());
    }

    [Fact]
    public void Shards_are_read_whole_even_when_the_index_forgets_a_tensor()
    {
        using var folder = new TemporaryFolder();
        folder.Write("model.safetensors.index.json", """{"weight_map":{"w":"a.safetensors"}}""");
        folder.Write("a.safetensors", CheckpointFiles.Safetensors(("w", [1f]), ("forgotten", [2f])));
        using var reader = CheckpointReader.Open(folder.Path);
        Assert.Equal(["forgotten", "w"], reader.Tensors.Keys.Order());
    }

    [Theory]
    [InlineData("""{"weight_map":{"w":"a.safetensors","x":"a.safetensors"}}""", "promises tensor \"x\"")]
    [InlineData("""{"weight_map":{"w":"b.safetensors","v":"a.safetensors"}}""", "promises tensor")]
    [InlineData("""{"weight_map":{"w":"a.safetensors","v":"b.safetensors","again":"c.safetensors"}}""", "tensor \"w\" is here and also")]
    [InlineData("""{"weight_map":{"w":"../a.safetensors"}}""", "the name of a file in the same folder")]
    [InlineData("""{"weight_map":{"w":"/etc/passwd"}}""", "the name of a file in the same folder")]
    [InlineData("""{"weight_map":{"w":".."}}""", "the name of a file in the same folder")]
    [InlineData("""{"weight_map":{"w":null}}""", "the name of a file in the same folder")]
    [InlineData("""{"weight_map":{"w":3}}""", "not an object that maps")]
    [InlineData("""{"weight_map":{"\ud800":"a.safetensors"}}""", "not an object that maps")]
    [InlineData("""{"weight_map":[]}""", "not an object that maps")]
    [InlineData("""{"weight_map":{}}""", "is empty")]
    [InlineData("""{}""", "not an object that maps")]
    [InlineData("""{"weight_map":{"w":"a.safetensors","w":"a.safetensors"}}""", "twice")]
    [InlineData("nonsense", "not valid")]
    public void Index_that_the_files_contradict_is_refused(string index, string why)
    {
        using var folder = new TemporaryFolder();
        folder.Write("model.safetensors.index.json", index);
        folder.Write("a.safetensors", CheckpointFiles.Safetensors(("w", [1f])));
        folder.Write("b.safetensors", CheckpointFiles.Safetensors(("v", [1f])));
        folder.Write("c.safetensors", CheckpointFiles.Safetensors(("w", [1f]), ("again", [1f])));
        Assert.Contains(why, Refused(folder).Message);
    }

    [Fact]
    public void Folder_without_weights_and_missing_path_are_refused()
    {
        using var folder = new TemporaryFolder();
        Assert.Contains("accepted: one of model.safetensors", Refused(folder).Message);
        Assert.Contains("no such file", Assert.Throws<CheckpointException>(() => CheckpointReader.Open(folder.Path + "/none")).Message);
    }

    [Fact]
    public void Copy_names_both_shapes_and_both_dtypes_when_they_do_not_fit()
    {
        using var folder = new TemporaryFolder();
        using var reader = CheckpointReader.Open(folder.Write("a.safetensors", CheckpointFiles.Safetensors(("w", [1f, 2f]))));
        using var three = torch.empty(3);
        using var whole = torch.empty(2, torch.int64);
        Assert.Contains("\"w\" has shape [2] and the model needs [3]", Assert.Throws<CheckpointException>(() => reader.CopyTo("w", three)).Message);
        Assert.Contains("\"w\" holds Float32 values and the model needs Int64", Assert.Throws<CheckpointException>(() => reader.CopyTo("w", whole)).Message);
        Assert.Contains("no tensor \"v\"", Assert.Throws<CheckpointException>(() => reader.CopyTo("v", three)).Message);
    }

    [Fact]
    public void Closed_reader_does_not_touch_the_map()
    {
        using var folder = new TemporaryFolder();
        var reader = CheckpointReader.Open(folder.Write("a.safetensors", CheckpointFiles.Safetensors(("w", [1f]))));
        reader.Dispose();
        using var one = torch.empty(1);
        Assert.Throws<ObjectDisposedException>(() => reader.CopyTo("w", one));
    }

    private static CheckpointException Refused(TemporaryFolder folder) => Assert.Throws<CheckpointException>(() => CheckpointReader.Open(folder.Path).Dispose());
}
