using System.Text.Json;
using System.Text.Json.Nodes;
using LlamaVid.Tests.Model.Weights;
using LlamaVid.Training.Checkpoints;
using TorchSharp;
using static TorchSharp.torch;

namespace LlamaVid.Tests.Model.Oracle;

/// <summary>Writes a made-up checkpoint into a folder as the official programs lay it out. The tokenizers are those of the default model.</summary>
internal static class RandomCheckpointFiles
{
    private const string Bert = "bert-base-uncased/vocab.txt";

    public static void Write(this RandomCheckpoint checkpoint, TemporaryFolder folder, Action<JsonObject>? change = null)
    {
        var config = Config(checkpoint.Recipe);
        change?.Invoke(config);
        folder.Write("config.json", config.ToJsonString());
        WriteModel(checkpoint, folder);
        WriteTower(checkpoint, folder);
        foreach (var name in new[] { "tokenizer.model", "tokenizer_config.json", "special_tokens_map.json", Bert })
            folder.Write(name, File.ReadAllBytes(Path.Combine(Repository.TinyModel, name)));
    }

    public static void WriteModel(this RandomCheckpoint checkpoint, TemporaryFolder folder)
    {
        var isTorch = checkpoint.Recipe.Seed % 2 == 0;
        var (single, shard) = isTorch
            ? ("pytorch_model.bin", "pytorch_model-0000{0}-of-00002.bin")
            : ("model.safetensors", "model-0000{0}-of-00002.safetensors");
        Func<IEnumerable<KeyValuePair<string, RandomTensor>>, byte[]> pack = isTorch ? Torch : Safetensors;
        if (checkpoint.Recipe.Seed % 3 != 0)
        {
            folder.Write(single, pack(checkpoint.Model));
            return;
        }
        var map = new JsonObject();
        foreach (var part in checkpoint.Model.Index().GroupBy(entry => entry.Index % 2, entry => entry.Item))
        {
            var name = string.Format(shard, part.Key + 1);
            folder.Write(name, pack(part));
            foreach (var tensor in part) map[tensor.Key] = name;
        }
        folder.Write($"{single}.index.json", new JsonObject { ["metadata"] = new JsonObject(), ["weight_map"] = map }.ToJsonString());
    }

    public static void WriteTower(this RandomCheckpoint checkpoint, TemporaryFolder folder)
    {
        var recipe = checkpoint.Recipe;
        var processor = new JsonObject
        {
            ["crop_size"] = recipe.ImageSize,
            ["size"] = recipe.ImageSize,
            ["resample"] = 3,
            ["image_mean"] = new JsonArray(0.48145466, 0.4578275, 0.40821073),
            ["image_std"] = new JsonArray(0.26862954, 0.26130258, 0.27577711),
        }.ToJsonString();
        if (recipe.Clip is not { } clip)
        {
            folder.Write("model_zoo/LAVIS/eva_vit_g.pth", Torch(checkpoint.Tower));
            folder.Write("processor/preprocessor_config.json", processor);
            return;
        }
        const string tower = "model_zoo/OpenAI/clip";
        var prefix = recipe.Seed % 2 == 0 ? "vision_model." : "";
        var tensors = checkpoint.Tower.ToDictionary(entry => prefix + entry.Key, entry => entry.Value);
        tensors["text_model.final_layer_norm.weight"] = new(ScalarType.Float32, [2], [1, 1]);
        tensors[$"{prefix}embeddings.position_ids"] = new(ScalarType.Int64, [1, 2], [0, 1]);
        if (recipe.Seed % 3 == 0) folder.Write($"{tower}/pytorch_model.bin", Torch(tensors));
        else folder.Write($"{tower}/model.safetensors", Safetensors(tensors));
        folder.Write($"{tower}/preprocessor_config.json", processor);
        var vision = new JsonObject
        {
            ["hidden_size"] = clip.Width,
            ["intermediate_size"] = clip.MlpWidth,
            ["num_hidden_layers"] = clip.Layers,
            ["num_attention_heads"] = clip.Heads,
            ["image_size"] = clip.ImageSize,
            ["patch_size"] = clip.PatchSize,
            ["layer_norm_eps"] = clip.Epsilon,
            ["hidden_act"] = clip.IsQuick ? "quick_gelu" : "gelu",
        };
        var config = recipe.Seed % 2 == 0 ? new JsonObject { ["model_type"] = "clip", ["vision_config"] = vision } : vision;
        folder.Write($"{tower}/config.json", config.ToJsonString());
    }

    private static JsonObject Config(CheckpointRecipe recipe) => new()
    {
        ["model_type"] = recipe.Seed % 2 == 0 ? "llava" : "llama",
        ["hidden_act"] = "silu",
        ["hidden_size"] = recipe.Hidden,
        ["intermediate_size"] = recipe.Intermediate,
        ["num_hidden_layers"] = recipe.Layers,
        ["num_attention_heads"] = recipe.Heads,
        ["num_key_value_heads"] = recipe.KvHeads,
        ["vocab_size"] = Math.Min(recipe.Vocabulary, CheckpointRecipe.TokenizerPieces + 5),         // tokens added later are in the embeddings only
        ["max_position_embeddings"] = recipe.MaxPositions,
        ["rms_norm_eps"] = recipe.Epsilon,
        ["rope_theta"] = recipe.RopeTheta,
        ["rope_scaling"] = recipe.RopeFactor == 1 ? null : new JsonObject { ["type"] = "linear", ["factor"] = recipe.RopeFactor },
        ["bos_token_id"] = 1,
        ["eos_token_id"] = 2,
        ["pad_token_id"] = 0,
        ["mm_vision_tower"] = recipe.Eva is null ? "./model_zoo/OpenAI/clip" : "./model_zoo/LAVIS/eva_vit_g.pth",
        ["image_processor"] = "./processor",
        ["mm_hidden_size"] = recipe.VisionWidth,
        ["mm_vision_select_layer"] = recipe.SelectLayer,
        ["mm_vision_select_feature"] = recipe.KeepsClassToken ? "cls_patch" : "patch",
        ["mm_projector_type"] = recipe.Projector,
        ["mm_use_im_start_end"] = false,
        ["mm_use_im_patch_token"] = false,
        ["bert_type"] = recipe.BertType,
        ["num_query"] = recipe.Queries,
        ["compress_type"] = recipe.Compress,
    };

    private static byte[] Safetensors(IEnumerable<KeyValuePair<string, RandomTensor>> tensors)
    {
        var (header, values) = (new Dictionary<string, object>(), new MemoryStream());
        foreach (var (name, tensor) in tensors)
        {
            var start = values.Length;
            values.Write(tensor.Bytes());
            var dtype = tensor.Dtype switch { ScalarType.Float32 => "F32", ScalarType.Float16 => "F16", ScalarType.BFloat16 => "BF16", _ => "I64" };
            header[name] = new { dtype, shape = tensor.Shape, data_offsets = new[] { start, values.Length } };
        }
        return CheckpointFiles.Safetensors(JsonSerializer.Serialize(header), values.ToArray());
    }

    private static byte[] Torch(IEnumerable<KeyValuePair<string, RandomTensor>> tensors)
    {
        using var scope = NewDisposeScope();
        var stream = new MemoryStream();
        TorchFile.Write(stream, tensors.Select(entry => (entry.Key, tensor(entry.Value.Values).to(entry.Value.Dtype).view(entry.Value.Shape))));
        return stream.ToArray();
    }
}
