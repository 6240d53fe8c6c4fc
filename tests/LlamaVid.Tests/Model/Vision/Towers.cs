using System.Text;
using System.Text.Json;
using LlamaVid.Model;
using LlamaVid.Model.Layers;
using LlamaVid.Model.Vision;
using TorchSharp;
using static TorchSharp.torch;

namespace LlamaVid.Tests.Model.Vision;

/// <summary>Vision towers of the golden checkpoints, and files of tiny towers whose tensors a test may change.</summary>
internal static class Towers
{
    public static readonly Placement Float32 = new(ScalarType.Float32, CPU);

    /// <summary>The tower and the pixels that a golden case ran.</summary>
    public static (VisionTower Tower, Tensor Pixels) OfCase(Golden golden, ScalarType dtype = ScalarType.Float32)
    {
        var config = LlamaVidConfig.Read(Shared.Path($"goldens/work_dirs/llama-vid/{golden.Json.GetProperty("checkpoint").GetString()}")).Vision!;
        var processor = config.Kind == VisionTowerKind.Clip ? config.TowerPath : config.ImageProcessorPath;
        var preprocessor = ImagePreprocessor.Read(Shared.Path($"goldens/{processor}/preprocessor_config.json"));

        var input = golden.Json.GetProperty("input").GetString()!;
        var crops = Golden.Open("cases/inputs");
        var pixels = preprocessor.Normalise(crops.Bytes(input), (int)crops.Shape(input)[0], CPU, dtype);
        return (VisionTower.Load(Shared.Path($"goldens/{config.TowerPath}"), config, preprocessor.ImageSize, new(dtype, CPU)), pixels);
    }

    public static VisionConfig Config(VisionTowerKind kind, int hiddenSize, int selectLayer = -2, bool keepsClassToken = false) => new()
    {
        Kind = kind,
        HiddenSize = hiddenSize,
        SelectLayer = selectLayer,
        KeepsClassToken = keepsClassToken,
        TowerPath = "",
        ImageProcessorPath = "",
        TextDecoder = TextDecoderKind.QFormer,
        IsPretrained = true,
        QueryCount = 32,
        Pooling = new FramePooling.Mean(),
        ProjectorDepth = 2,
        ImageFit = ImageFit.Crop,
        UsesStartEnd = false,
        UsesPatchToken = false,
    };

    /// <summary>Names and shapes of an EVA file: width 88, mlp 20, patches of 14 pixels, a grid of 2 × 2, three blocks of which two run.</summary>
    public static Dictionary<string, long[]> EvaFile()
    {
        var file = new Dictionary<string, long[]>
        {
            ["cls_token"] = [1, 1, 88],
            ["pos_embed"] = [1, 5, 88],
            ["patch_embed.proj.weight"] = [88, 3, 14, 14],
            ["patch_embed.proj.bias"] = [88],
            ["norm.weight"] = [88],
            ["head.weight"] = [7, 88],
        };
        for (var i = 0; i < 3; i++)
            foreach (var (name, shape) in new (string, long[])[]
            {
                ("norm1.weight", [88]), ("norm1.bias", [88]), ("norm2.weight", [88]), ("norm2.bias", [88]), ("attn.q_bias", [88]), ("attn.v_bias", [88]),
                ("attn.qkv.weight", [264, 88]), ("attn.proj.weight", [88, 88]), ("attn.proj.bias", [88]),
                ("mlp.fc1.weight", [20, 88]), ("mlp.fc1.bias", [20]), ("mlp.fc2.weight", [88, 20]), ("mlp.fc2.bias", [88]),
            })
                file[$"blocks.{i}.{name}"] = shape;
        return file;
    }

    /// <summary>Names and shapes of a CLIP vision tower without prefix: width 8, 2 heads, mlp 12, two patches of 14 pixels per side, two layers.</summary>
    public static Dictionary<string, long[]> ClipFile()
    {
        var file = new Dictionary<string, long[]>
        {
            ["embeddings.class_embedding"] = [8],
            ["embeddings.patch_embedding.weight"] = [8, 3, 14, 14],
            ["embeddings.position_embedding.weight"] = [5, 8],
            ["pre_layrnorm.weight"] = [8],
            ["pre_layrnorm.bias"] = [8],
            ["post_layernorm.weight"] = [8],
            ["post_layernorm.bias"] = [8],
        };
        for (var i = 0; i < 2; i++)
        {
            foreach (var norm in new[] { "layer_norm1", "layer_norm2" }) (file[$"encoder.layers.{i}.{norm}.weight"], file[$"encoder.layers.{i}.{norm}.bias"]) = ([8], [8]);
            foreach (var proj in new[] { "q_proj", "k_proj", "v_proj", "out_proj" })
                (file[$"encoder.layers.{i}.self_attn.{proj}.weight"], file[$"encoder.layers.{i}.self_attn.{proj}.bias"]) = ([8, 8], [8]);
            (file[$"encoder.layers.{i}.mlp.fc1.weight"], file[$"encoder.layers.{i}.mlp.fc1.bias"]) = ([12, 8], [12]);
            (file[$"encoder.layers.{i}.mlp.fc2.weight"], file[$"encoder.layers.{i}.mlp.fc2.bias"]) = ([8, 12], [8]);
        }
        return file;
    }

    public const string ClipConfig = """
        { "hidden_size": 8, "intermediate_size": 12, "num_hidden_layers": 2, "num_attention_heads": 2, "image_size": 28, "patch_size": 14, "hidden_act": "quick_gelu" }
        """;

    /// <summary>Writes a float32 safetensors file whose values depend only on the tensor's name.</summary>
    public static void Write(string path, Dictionary<string, long[]> shapes)
    {
        var (header, data) = (new Dictionary<string, object>(), new MemoryStream());
        foreach (var (name, shape) in shapes.OrderBy(entry => entry.Key, StringComparer.Ordinal))
        {
            var begin = data.Length;
            var random = new Random(name.Sum(letter => letter) * 31 + name.Length);
            for (var i = shape.Aggregate(1L, (size, side) => size * side); i > 0; i--) data.Write(BitConverter.GetBytes((float)(random.NextDouble() - 0.5)));
            header[name] = new { dtype = "F32", shape, data_offsets = new[] { begin, data.Length } };
        }
        var json = Encoding.UTF8.GetBytes(JsonSerializer.Serialize(header));
        using var file = File.Create(path);
        file.Write(BitConverter.GetBytes((ulong)json.Length));
        file.Write(json);
        data.WriteTo(file);
    }
}
