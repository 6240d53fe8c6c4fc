using LlamaVid.Model;
using LlamaVid.Model.Vision;
using LlamaVid.Model.Weights;
using TorchSharp;
using static TorchSharp.torch;

namespace LlamaVid.Tests.Model.Vision;

[Collection(AloneCollection.Name)]
public sealed class VisionTowerFileTests : IDisposable
{
    private readonly string _folder = Directory.CreateTempSubdirectory().FullName;

    public void Dispose() => Directory.Delete(_folder, recursive: true);

    [Fact]
    public void Eva_runs_all_blocks_but_the_last_and_ignores_extras()
    {
        using var tower = LoadEva(Towers.EvaFile());
        Assert.Equal(2, Assert.IsType<EvaVisionTower>(tower).blocks.Count);
        Assert.Equal((88, 4, 28, true), (tower.Width, tower.PatchCount, tower.ImageSize, tower.HasClassToken));
    }

    [Theory]
    [InlineData("cls_token")]
    [InlineData("pos_embed")]
    [InlineData("patch_embed.proj.weight")]
    [InlineData("patch_embed.proj.bias")]
    [InlineData("blocks.0.mlp.fc1.weight")]
    [InlineData("blocks.1.attn.q_bias")]
    public void Eva_files_that_lack_a_tensor_are_refused_by_its_name(string name)
    {
        var file = Towers.EvaFile();
        file.Remove(name);
        Assert.Contains(name, Assert.Throws<CheckpointException>(() => LoadEva(file)).Message);
    }

    [Theory]
    [InlineData("cls_token", new long[] { 88 })]
    [InlineData("cls_token", new long[] { 1, 1, 90 })]
    [InlineData("pos_embed", new long[] { 1, 6, 88 })]
    [InlineData("pos_embed", new long[] { 1, 1, 88 })]
    [InlineData("patch_embed.proj.weight", new long[] { 88, 1, 14, 14 })]
    [InlineData("blocks.1.attn.qkv.weight", new long[] { 88, 264 })]
    [InlineData("blocks.1.mlp.fc1.weight", new long[] { 21, 88 })]
    public void Eva_files_with_a_misshapen_tensor_are_refused_by_its_name(string name, long[] shape)
    {
        var file = Towers.EvaFile();
        file[name] = shape;
        Assert.Contains(name, Assert.Throws<CheckpointException>(() => LoadEva(file)).Message);
    }

    [Fact]
    public void A_file_from_which_the_last_block_of_the_giant_was_cut_runs_whole()
    {
        Assert.Equal(EvaShape.Giant, EvaShape.Read(Giant(blocks: 39), "eva.pth"));
        Assert.Equal(EvaShape.Giant, EvaShape.Read(Giant(blocks: 40), "eva.pth"));
        Assert.Equal(37, EvaShape.Read(Giant(blocks: 38), "eva.pth").Depth);
    }

    [Fact]
    public void Pictures_that_do_not_divide_into_patches_are_refused()
    {
        var fault = Assert.Throws<CheckpointException>(() => LoadEva(Towers.EvaFile(), imageSize: 30));
        Assert.EndsWith("the vision tower cuts patches of 14 pixels; the image processor's 30 pixels are not a multiple of it.", fault.Message);
    }

    [Fact]
    public void A_tower_of_another_width_than_the_configuration_says_is_refused()
    {
        Towers.Write(Eva, Towers.EvaFile());
        var fault = Assert.Throws<CheckpointException>(() => VisionTower.Load(Eva, Towers.Config(VisionTowerKind.Eva, hiddenSize: 1408), 28, Towers.Float32));
        Assert.EndsWith("the vision tower's features are 88 wide; config.json says mm_hidden_size 1408.", fault.Message);
    }

    [Theory]
    [InlineData(-2, 1)]
    [InlineData(-1, 2)]
    [InlineData(-3, 0)]
    [InlineData(0, 0)]
    [InlineData(2, 2)]
    public void Clip_builds_only_the_layers_below_the_selected_state(int selectLayer, int layers)
    {
        using var tower = LoadClip(Towers.ClipFile(), selectLayer);
        Assert.Equal(layers, Assert.IsType<ClipVisionTower>(tower).encoder.layers.Count);
        Assert.Equal((8, 4, 28, false), (tower.Width, tower.PatchCount, tower.ImageSize, tower.HasClassToken));
    }

    [Theory]
    [InlineData(-4)]
    [InlineData(3)]
    [InlineData(int.MinValue)]
    [InlineData(int.MaxValue)]
    public void A_hidden_state_that_clip_does_not_have_is_refused(int selectLayer)
    {
        var fault = Assert.Throws<CheckpointException>(() => LoadClip(Towers.ClipFile(), selectLayer));
        Assert.EndsWith($"the vision tower has 2 layers; mm_vision_select_layer {selectLayer} is not one of its 3 hidden states.", fault.Message);
    }

    [Fact]
    public void A_whole_clip_and_its_vision_part_alone_are_the_same_tower()
    {
        using var scope = NewDisposeScope();
        using var inference = inference_mode();
        var pixels = rand(2, 3, 28, 28);
        using var alone = LoadClip(Towers.ClipFile());
        var whole = Towers.ClipFile().ToDictionary(entry => $"vision_model.{entry.Key}", entry => entry.Value);
        string[] others = ["vision_model.embeddings.position_ids", "text_model.final_layer_norm.weight", "text_projection.weight", "visual_projection.weight", "logit_scale"];
        foreach (var other in others) whole[other] = [3];

        using var tower = LoadClip(whole, config: $$"""{ "projection_dim": 4, "vision_config": {{Towers.ClipConfig}} }""");
        foreach (var (name, parameter) in alone.named_parameters()) parameter.copy_(tower.get_parameter(name)!);

        TensorAssert.Close(tower.call(pixels), alone.call(pixels), 0);
    }

    [Fact]
    public void Clip_keeps_the_class_token_when_the_configuration_counts_it()
    {
        using var scope = NewDisposeScope();
        using var inference = inference_mode();
        var pixels = rand(2, 3, 28, 28);
        using var cut = LoadClip(Towers.ClipFile());
        using var kept = LoadClip(Towers.ClipFile(), keepsClassToken: true);

        Assert.True(kept.HasClassToken);
        TensorAssert.Close(cut.call(pixels), kept.call(pixels).narrow(1, 1, 4), 0);
    }

    [Fact]
    public void Tensors_that_clip_does_not_know_are_refused_by_name()
    {
        var file = Towers.ClipFile();
        file["encoder.layers.0.layer_scale"] = [8];
        Assert.Contains("encoder.layers.0.layer_scale", Assert.Throws<CheckpointException>(() => LoadClip(file)).Message);
    }

    [Theory]
    [InlineData("embeddings.class_embedding")]
    [InlineData("encoder.layers.0.self_attn.k_proj.bias")]
    public void Clip_files_that_lack_a_tensor_are_refused_by_its_name(string name)
    {
        var file = Towers.ClipFile();
        file.Remove(name);
        Assert.Contains(name, Assert.Throws<CheckpointException>(() => LoadClip(file)).Message);
    }

    [Theory]
    [InlineData("\"image_size\": 28", "\"image_size\": 42", "the vision tower reads pictures of 42 pixels; the image processor makes 28.")]
    [InlineData("\"num_attention_heads\": 2", "\"num_attention_heads\": 3", "\"num_attention_heads\" is 3; accepted: a divisor of hidden_size (8).")]
    [InlineData("\"patch_size\": 14", "\"patch_size\": 29", "\"patch_size\" is 29; accepted: at most image_size (28).")]
    [InlineData("quick_gelu", "relu", "\"hidden_act\" is \"relu\"; accepted: quick_gelu or gelu or null.")]
    public void Clip_configurations_that_cannot_run_are_refused(string good, string bad, string problem)
    {
        var fault = Assert.Throws<CheckpointException>(() => LoadClip(Towers.ClipFile(), config: Towers.ClipConfig.Replace(good, bad)));
        Assert.EndsWith(problem, fault.Message);
    }

    private string Eva => Path.Combine(_folder, "eva_vit_g.safetensors");

    private VisionTower LoadEva(Dictionary<string, long[]> file, int imageSize = 28)
    {
        Towers.Write(Eva, file);
        return VisionTower.Load(Eva, Towers.Config(VisionTowerKind.Eva, hiddenSize: 88), imageSize, Towers.Float32);
    }

    private VisionTower LoadClip(Dictionary<string, long[]> file, int selectLayer = -2, bool keepsClassToken = false, string config = Towers.ClipConfig)
    {
        Towers.Write(Path.Combine(_folder, "model.safetensors"), file);
        File.WriteAllText(Path.Combine(_folder, "config.json"), config);
        return VisionTower.Load(_folder, Towers.Config(VisionTowerKind.Clip, hiddenSize: 8, selectLayer, keepsClassToken), 28, Towers.Float32);
    }

    private static Dictionary<string, TensorEntry> Giant(int blocks)
    {
        var tensors = new Dictionary<string, TensorEntry>();
        void Add(string name, params long[] shape) => tensors[name] = new(name, shape, ScalarType.Float16, "eva.pth");
        Add("cls_token", 1, 1, 1408);
        Add("pos_embed", 1, 257, 1408);
        Add("patch_embed.proj.weight", 1408, 3, 14, 14);
        for (var i = 0; i < blocks; i++) Add($"blocks.{i}.mlp.fc1.weight", 6144, 1408);
        return tensors;
    }
}
