using System.Text.Json.Nodes;
using LlamaVid.Model;
using LlamaVid.Model.Vision;
using LlamaVid.Model.Weights;

namespace LlamaVid.Tests.Model.Weights;

public sealed class LlamaVidConfigTests
{
    private const string Official = """
        {
          "model_type": "llava", "hidden_act": "silu", "hidden_size": 4096, "intermediate_size": 11008, "num_hidden_layers": 32, "num_attention_heads": 32,
          "num_key_value_heads": 32, "vocab_size": 32000, "max_position_embeddings": 4096, "rms_norm_eps": 1e-05, "rope_scaling": null, "bos_token_id": 1,
          "eos_token_id": 2, "pad_token_id": 0, "max_token": 2048, "bert_type": "qformer_pretrain", "num_query": 32, "compress_type": "mean",
          "mm_vision_tower": "./model_zoo/LAVIS/eva_vit_g.pth", "image_processor": "./llamavid/processor/clip-patch14-224", "mm_projector_type": "mlp2x_gelu",
          "mm_hidden_size": 1408, "mm_vision_select_layer": -2, "mm_vision_select_feature": "patch", "mm_use_im_start_end": false,
          "mm_use_im_patch_token": false, "image_aspect_ratio": "pad", "tie_word_embeddings": false
        }
        """;

    [Fact]
    public void Official_short_video_configuration_is_read()
    {
        var config = Read();
        Assert.Equal(new DecoderConfig(4096, 11008, 32, 32, 32, 32000, 4096, 1e-5, 10000, 1), config.Decoder);
        Assert.Equal((1, 2, 0, 4096), (config.BosId, config.EosId, config.PadId, config.MaxContext));
        Assert.Equal(new VisionConfig
        {
            TowerPath = "./model_zoo/LAVIS/eva_vit_g.pth",
            ImageProcessorPath = "./llamavid/processor/clip-patch14-224",
            Kind = VisionTowerKind.Eva,
            SelectLayer = -2,
            HiddenSize = 1408,
            TextDecoder = TextDecoderKind.QFormer,
            IsPretrained = true,
            QueryCount = 32,
            Pooling = new FramePooling.Mean(),
            ProjectorDepth = 2,
            IsProjectorNumbered = true,
            ImageFit = ImageFit.Pad,
            UsesStartEnd = false,
            UsesPatchToken = false,
        }, config.Vision);
    }

    [Fact]
    public void Official_long_video_configuration_is_read()
    {
        var config = Read(("model_type", "llama"), ("max_token", 65536), ("bert_type", "qformer_pretrain_freeze_all"), ("rope_scaling", JsonNode.Parse("""{"type":"linear","factor":16.0}""")));
        Assert.Equal((16, 65536), (config.Decoder.RopeScalingFactor, config.MaxContext));
        Assert.True(config.Vision!.IsPretrained);
    }

    [Fact]
    public void Absent_keys_have_the_official_defaults()
    {
        var config = Without("num_key_value_heads", "max_token", "bert_type", "num_query", "compress_type", "mm_projector_type", "mm_use_im_start_end", "mm_use_im_patch_token",
            "image_aspect_ratio", "hidden_act", "rope_scaling", "bos_token_id", "eos_token_id", "pad_token_id", "mm_vision_select_layer", "mm_vision_select_feature", "image_processor");
        Assert.Equal((32, 4096, 1, 2, 0), (config.Decoder.KvHeads, config.MaxContext, config.BosId, config.EosId, config.PadId));
        var vision = config.Vision!;
        Assert.Equal((TextDecoderKind.QFormer, false, 32, 1, false, true), (vision.TextDecoder, vision.IsPretrained, vision.QueryCount, vision.ProjectorDepth, vision.UsesStartEnd, vision.UsesPatchToken));
        Assert.Equal((new FramePooling.None(), ImageFit.Crop, "./model_zoo/OpenAI/clip-vit-large-patch14"), (vision.Pooling, vision.ImageFit, vision.ImageProcessorPath));
    }

    [Fact]
    public void Without_a_tower_it_is_a_text_model() => Assert.Null(Without("mm_vision_tower", "mm_hidden_size").Vision);

    [Fact]
    public void Context_is_what_the_rotary_table_covers_or_max_token_where_that_is_more()
    {
        Assert.Equal(4096, Read(("max_token", 2048)).MaxContext);
        Assert.Equal(8000, Read(("max_token", 8000)).MaxContext);
        Assert.Equal(65536, Read(("max_token", null), ("rope_scaling", JsonNode.Parse("""{"type":"linear","factor":16}"""))).MaxContext);
    }

    [Theory]
    [InlineData("raw_bert", null), InlineData("raw_bert_layer:2", 2)]
    public void Raw_bert_is_read_with_its_layers(string type, int? layers)
    {
        var vision = Read(("bert_type", type)).Vision!;
        Assert.Equal((TextDecoderKind.RawBert, false, layers), (vision.TextDecoder, vision.IsPretrained, vision.TextDecoderLayers));
    }

    [Theory]
    [InlineData("./model_zoo/OpenAI/clip-vit-large-patch14", VisionTowerKind.Clip), InlineData("laion/CLIP-ViT-H", VisionTowerKind.Clip), InlineData("openai/eva", VisionTowerKind.Clip)]
    [InlineData("/x/lavis/vit.pth", VisionTowerKind.Eva), InlineData("EVA.pth", VisionTowerKind.Eva)]
    public void Tower_kind_follows_words_of_the_path(string path, VisionTowerKind kind) => Assert.Equal(kind, Read(("mm_vision_tower", path)).Vision!.Kind);

    [Theory]
    [InlineData("linear", 1, false), InlineData("identity", 0, false), InlineData("mlp1x_gelu", 1, true), InlineData("mlp3x_gelu", 3, true)]
    public void Projector_type_gives_its_depth(string type, int depth, bool isNumbered)
    {
        var vision = Read(("mm_projector_type", type), ("mm_hidden_size", 4096)).Vision!;
        Assert.Equal((depth, isNumbered), (vision.ProjectorDepth, vision.IsProjectorNumbered));
    }

    [Fact]
    public void A_projector_that_changes_nothing_needs_equal_widths() =>
        Assert.EndsWith("\"mm_projector_type\" is \"identity\"; accepted: a projector from mm_hidden_size (1408) to hidden_size (4096); identity needs them equal.",
            Assert.Throws<CheckpointException>(() => Read(("mm_projector_type", "identity"))).Message);

    [Fact]
    public void Grid_pooling_carries_its_side() => Assert.Equal(new FramePooling.Grid(4), Read(("compress_type", "grid:4")).Vision!.Pooling);

    [Theory]
    [InlineData("model_type", "\"mpt\"", "\"mpt\"; accepted: llava or llama")]
    [InlineData("model_type", "null", "\"model_type\" is missing")]
    [InlineData("hidden_act", "\"gelu\"", "accepted: silu")]
    [InlineData("tie_word_embeddings", "true", "accepted: false")]
    [InlineData("hidden_size", "null", "\"hidden_size\" is missing")]
    [InlineData("hidden_size", "\"4096\"", "is \"4096\"; accepted: a whole number of at least 1")]
    [InlineData("hidden_size", "0", "accepted: a whole number of at least 1")]
    [InlineData("hidden_size", "-8", "accepted: a whole number of at least 1")]
    [InlineData("hidden_size", "4096.5", "accepted: a whole number of at least 1")]
    [InlineData("hidden_size", "99999999999", "accepted: a whole number of at least 1")]
    [InlineData("num_attention_heads", "33", "a divisor of hidden_size (4096)")]
    [InlineData("num_attention_heads", "4096", "an even head size")]
    [InlineData("num_key_value_heads", "5", "a divisor of num_attention_heads (32)")]
    [InlineData("rms_norm_eps", "0", "accepted: a number above 0")]
    [InlineData("rms_norm_eps", "1e999", "accepted: a number above 0")]
    [InlineData("rope_theta", "-1", "accepted: a number above 0")]
    [InlineData("rope_scaling", "{\"type\":\"dynamic\",\"factor\":2}", "\"rope_scaling.type\" is \"dynamic\"; accepted: linear")]
    [InlineData("rope_scaling", "{\"type\":\"linear\"}", "\"rope_scaling.factor\" is missing")]
    [InlineData("rope_scaling", "{\"type\":\"linear\",\"factor\":0.5}", "accepted: a number of at least 1")]
    [InlineData("rope_scaling", "3", "accepted: an object or null")]
    [InlineData("eos_token_id", "32000", "an id below vocab_size (32000)")]
    [InlineData("eos_token_id", "[1,2]", "is [1,2]; accepted: a whole number")]
    [InlineData("bert_type", "\"bert\"", "accepted: qformer,")]
    [InlineData("bert_type", "\"qformer_layer:2\"", "accepted: qformer,")]
    [InlineData("bert_type", "\"raw_bert_layer:0\"", "accepted: qformer,")]
    [InlineData("bert_type", "\"raw_bert_layer:99999999999\"", "accepted: qformer,")]
    [InlineData("compress_type", "\"grid:1\"", "accepted: null, mean or grid:N")]
    [InlineData("compress_type", "\"max\"", "accepted: null, mean or grid:N")]
    [InlineData("compress_type", "2", "accepted: a text")]
    [InlineData("mm_projector_type", "\"conv\"", "accepted: linear, identity or mlpNx_gelu")]
    [InlineData("mm_vision_tower", "\"resnet\"", "a path that holds")]
    [InlineData("mm_vision_tower", "\"\\ud800\"", "half surrogates")]
    [InlineData("mm_vision_select_feature", "\"cls\"", "accepted: patch or cls_patch")]
    [InlineData("mm_use_im_patch_token", "\"no\"", "accepted: true or false")]
    [InlineData("image_aspect_ratio", "\"anyres\"", "accepted: pad or square")]
    [InlineData("num_query", "0", "accepted: a whole number of at least 1")]
    [InlineData("mm_hidden_size", "null", "\"mm_hidden_size\" is missing")]
    public void Value_that_is_not_accepted_is_named_with_file_and_key(string key, string value, string why)
    {
        using var folder = new TemporaryFolder();
        var json = JsonNode.Parse(Official)!.AsObject();
        json.Remove(key);
        folder.Write("config.json", $$"""{"{{key}}":{{value}},{{json.ToJsonString()[1..]}}""");
        var fault = Assert.Throws<CheckpointException>(() => LlamaVidConfig.Read(folder.Path));
        Assert.Contains(why, fault.Message);
        Assert.Contains(key, fault.Message);
        Assert.Equal(Path.Combine(folder.Path, "config.json"), fault.File);
    }

    [Theory]
    [InlineData("{"), InlineData("[]"), InlineData(""), InlineData("{\"hidden_size\": NaN}"), InlineData("\u0000")]
    public void File_that_is_no_json_object_is_refused(string text)
    {
        using var folder = new TemporaryFolder();
        folder.Write("config.json", text);
        Assert.Contains("the JSON text is not", Assert.Throws<CheckpointException>(() => LlamaVidConfig.Read(folder.Path)).Message);
    }

    [Fact]
    public void Missing_file_is_refused_by_name()
    {
        using var folder = new TemporaryFolder();
        Assert.Contains("config.json: the file does not exist", Assert.Throws<CheckpointException>(() => LlamaVidConfig.Read(folder.Path)).Message);
    }

    [Fact]
    public void Every_golden_configuration_is_read() =>
        Assert.All(Directory.GetFiles(Shared.Path("goldens"), "config.json", SearchOption.AllDirectories).Where(file => file.Contains("llama-vid", StringComparison.Ordinal) || file.Contains("vicuna", StringComparison.Ordinal)),
            file => Assert.Equal(file.Contains("vicuna", StringComparison.Ordinal), LlamaVidConfig.Read(Path.GetDirectoryName(file)!).Vision is null));

    private static LlamaVidConfig Read(params (string Key, JsonNode? Value)[] changes)
    {
        var json = JsonNode.Parse(Official)!.AsObject();
        foreach (var (key, value) in changes) json[key] = value;
        return Read(json);
    }

    private static LlamaVidConfig Without(params string[] keys)
    {
        var json = JsonNode.Parse(Official)!.AsObject();
        foreach (var key in keys) json.Remove(key);
        return Read(json);
    }

    private static LlamaVidConfig Read(JsonObject json)
    {
        using var folder = new TemporaryFolder();
        folder.Write("config.json", json.ToJsonString());
        return LlamaVidConfig.Read(folder.Path);
    }
}
