using LlamaVid.Model.Layers;
using LlamaVid.Model.Vision;
using TorchSharp;
using static TorchSharp.torch;

namespace LlamaVid.Tests.Model.Vision;

[Collection(AloneCollection.Name)]
public sealed class VisionTowerGoldenTests
{
    private const double Tolerance = 1e-4;

    [Theory]
    [InlineData("short_video", true)]
    [InlineData("eva56_video", true)]
    [InlineData("clip_qformer_pretrain_image", false)]
    [InlineData("clip_raw_bert_video", false)]
    public void Features_are_the_official_ones(string name, bool hasClassToken)
    {
        using var scope = NewDisposeScope();
        using var inference = inference_mode();
        var golden = Golden.Open($"cases/{name}");
        var (tower, pixels) = Towers.OfCase(golden);
        using var owned = tower;

        var features = tower.call(pixels);

        Assert.Equal([pixels.shape[0], tower.PatchCount + (hasClassToken ? 1 : 0), tower.Width], features.shape);
        Assert.Equal((hasClassToken, pixels.shape[2]), (tower.HasClassToken, tower.ImageSize));
        TensorAssert.Close(golden["vision.tower_output"], Kept(golden, "vision.tower_output", features), Tolerance);
    }

    [Theory]
    [InlineData("short_video")]
    [InlineData("eva56_video")]
    public void Patches_and_the_first_block_of_eva_are_the_official_ones(string name)
    {
        using var scope = NewDisposeScope();
        using var inference = inference_mode();
        var golden = Golden.Open($"cases/{name}");
        var (loaded, pixels) = Towers.OfCase(golden);
        using var tower = Assert.IsType<EvaVisionTower>(loaded);

        var patches = tower.patch_embed.call(pixels);
        TensorAssert.Close(golden["vision.patch_embed"], Kept(golden, "vision.patch_embed", patches), Tolerance);

        var block = tower.blocks[0].call(cat([tower.cls_token.expand(pixels.shape[0], -1, -1), patches], 1).add(tower.pos_embed));
        TensorAssert.Close(golden["vision.block.0"], Kept(golden, "vision.block.0", block), Tolerance);
    }

    [Theory]
    [InlineData("clip_qformer_pretrain_image")]
    [InlineData("clip_raw_bert_video")]
    public void Embeddings_and_every_layer_of_clip_that_runs_are_the_official_ones(string name)
    {
        using var scope = NewDisposeScope();
        using var inference = inference_mode();
        var golden = Golden.Open($"cases/{name}");
        var (loaded, pixels) = Towers.OfCase(golden);
        using var tower = Assert.IsType<ClipVisionTower>(loaded);

        Assert.Equal(2, tower.encoder.layers.Count);                          // of three: select_layer is -2
        var x = tower.embeddings.call(pixels);
        TensorAssert.Close(golden["vision.embeddings"], x, Tolerance);
        x = tower.pre_layrnorm.call(x);
        TensorAssert.Close(golden["vision.pre_layrnorm"], x, Tolerance);
        for (var i = 0; i < 2; i++)
        {
            x = tower.encoder.layers[i].call(x);
            TensorAssert.Close(golden[$"vision.block.{i}"], x, Tolerance);
        }
    }

    [Fact]
    public void Positions_are_stretched_as_the_official_loader_does()
    {
        using var scope = NewDisposeScope();
        var golden = Golden.Open("misc/pos_embed_interp");
        TensorAssert.Close(golden["out"], EvaVisionTower.Stretch(golden["in"], 16, 24), 1e-5);
    }

    [Fact]
    public void Larger_pictures_run_with_positions_stretched_once_at_load()
    {
        using var scope = NewDisposeScope();
        using var inference = inference_mode();
        var golden = Golden.Open("cases/none336_image");
        var (tower, pixels) = Towers.OfCase(golden);
        using var owned = tower;

        Assert.Equal(577, tower.get_parameter("pos_embed")!.shape[1]);
        Assert.Equal([1L, 577, 88], tower.call(pixels).shape);
    }

    [Theory]
    [InlineData("short_video")]
    [InlineData("clip_raw_bert_video")]
    public void A_batch_equals_its_frames_alone_and_its_chunks(string name)
    {
        using var scope = NewDisposeScope();
        using var inference = inference_mode();
        var (tower, pixels) = Towers.OfCase(Golden.Open($"cases/{name}"));
        using var owned = tower;

        var whole = tower.call(pixels);

        TensorAssert.Close(whole, cat([.. pixels.split(1).Select(frame => tower.call(frame))]), 1e-5);
        TensorAssert.Close(whole, cat([tower.call(pixels.narrow(0, 0, 2)), tower.call(pixels.narrow(0, 2, 3))]), 1e-5);
    }

    [Theory]
    [InlineData("short_video")]
    [InlineData("clip_raw_bert_video")]
    public void Bfloat16_stays_bfloat16_and_near(string name)
    {
        using var scope = NewDisposeScope();
        using var inference = inference_mode();
        var golden = Golden.Open($"cases/{name}");
        var (tower, pixels) = Towers.OfCase(golden, ScalarType.BFloat16);
        using var owned = tower;

        var features = tower.call(pixels);

        Assert.Equal(ScalarType.BFloat16, features.dtype);
        Assert.All(tower.parameters(), parameter => Assert.Equal(ScalarType.BFloat16, parameter.dtype));
        var expected = golden["vision.tower_output"];
        var error = Kept(golden, "vision.tower_output", features).to(ScalarType.Float32).sub(expected).norm().div(expected.norm()).item<float>();
        Assert.InRange(error, 1e-6, 0.02);
    }

    [Theory]
    [InlineData("short_video")]
    [InlineData("clip_raw_bert_video")]
    public void A_call_leaves_only_its_result(string name)
    {
        using var scope = NewDisposeScope();
        using var inference = inference_mode();
        var (tower, pixels) = Towers.OfCase(Golden.Open($"cases/{name}"));
        using var owned = tower;
        tower.call(pixels).Dispose();
        var before = DisposeScopeManager.Statistics.ThreadTotalLiveCount;

        using var features = tower.call(pixels);

        Assert.Equal(before + 1, DisposeScopeManager.Statistics.ThreadTotalLiveCount);
        Assert.True(features.is_contiguous());
    }

    [Fact]
    public void The_giant_has_the_names_and_shapes_of_the_official_checkpoint()
    {
        const string prefix = "model.vision_tower.vision_tower.";
        var expected = File.ReadLines(Shared.Path("reference/official_tensors_7b.txt"))
            .Where(line => line.StartsWith(prefix, StringComparison.Ordinal)).Select(line => line[prefix.Length..line.LastIndexOf(' ')]).Order(StringComparer.Ordinal);

        using var tower = new EvaVisionTower(EvaShape.Giant, 224, Placement.Meta);
        var actual = tower.state_dict().Select(entry => $"{entry.Key} [{string.Join(", ", entry.Value.shape)}]").Order(StringComparer.Ordinal);

        Assert.Equal(expected, actual);
        Assert.Equal((1408, 16, 256, true), (tower.Width, EvaShape.Giant.Heads, tower.PatchCount, tower.HasClassToken));
    }

    private static Tensor Kept(Golden golden, string name, Tensor all) => golden.KeptRows(name) is { } rows ? all.index_select(0, tensor(rows)) : all;
}
