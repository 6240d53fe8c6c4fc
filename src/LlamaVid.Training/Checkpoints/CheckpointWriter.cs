using System.Text.Json;
using System.Text.Json.Nodes;
using LlamaVid.Model.Weights;

namespace LlamaVid.Training.Checkpoints;

/// <summary>
/// Writes a model in the official layout: numbered torch shards with their index (which the official loader asks for even of one shard), and what
/// belongs beside them, taken over from another checkpoint. Knows no training.
/// </summary>
internal static class CheckpointWriter
{
    /// <summary>Hugging Face's default: 10 GB.</summary>
    public const long LargestShard = 10_000_000_000;

    private static readonly JsonSerializerOptions Readable = new() { WriteIndented = true };

    private static readonly string[] Beside =
        ["generation_config.json", "tokenizer.model", "tokenizer_config.json", "special_tokens_map.json", "added_tokens.json"];

    /// <summary>Writes <c>pytorch_model-0000X-of-0000Y.bin</c> and <c>pytorch_model.bin.index.json</c>.</summary>
    /// <param name="tensors">under their full names; in the order of the file</param>
    /// <param name="dtype">of every floating-point tensor in the file</param>
    /// <exception cref="NotRepresentableException">A value is not finite in <paramref name="dtype"/>.</exception>
    public static void WriteModel(string folder, IEnumerable<(string Name, Tensor Value)> tensors, ScalarType dtype, long largestShard = LargestShard)
    {
        var shards = Shards([.. tensors], dtype.ElementSize(), largestShard);
        var map = new JsonObject();
        long total = 0;
        for (var i = 0; i < shards.Count; i++)
        {
            var name = $"pytorch_model-{i + 1:00000}-of-{shards.Count:00000}.bin";
            WriteTorch(Path.Combine(folder, name), shards[i], dtype);
            foreach (var (tensor, value) in shards[i])
            {
                map[tensor] = name;
                total += SizeOf(value, dtype.ElementSize());
            }
        }
        var index = new JsonObject { ["metadata"] = new JsonObject { ["total_size"] = total }, ["weight_map"] = map };
        WriteJson(Path.Combine(folder, "pytorch_model.bin.index.json"), index);
    }

    /// <summary>One torch file, such as the <c>.pth</c> of a vision tower.</summary>
    /// <exception cref="NotRepresentableException">A value is not finite in <paramref name="dtype"/>.</exception>
    public static void WriteTorch(string path, IEnumerable<(string Name, Tensor Value)> tensors, ScalarType dtype)
    {
        using var scope = NewDisposeScope();
        TorchFile.Write(path, tensors.Select(tensor => (tensor.Name, Stored(tensor.Name, tensor.Value, dtype))));
    }

    public static void WriteJson(string path, JsonNode json)
    {
        Directory.CreateDirectory(Path.GetDirectoryName(Path.GetFullPath(path))!);
        File.WriteAllText(path, json.ToJsonString(Readable) + "\n");
    }

    /// <summary>
    /// Everything of a checkpoint but its model tensors: configuration, tokenizers, image processor and vision tower. Files that lie inside the
    /// source's folder are copied to the same place; others stay where they are and <c>config.json</c> goes on naming them.
    /// </summary>
    /// <param name="change">what the new configuration says otherwise</param>
    public static void CopyRest(CheckpointDirectory source, string folder, Action<JsonObject> change)
    {
        Directory.CreateDirectory(folder);
        var config = JsonNode.Parse(File.ReadAllBytes(Path.Combine(source.Model, "config.json")))!.AsObject();
        change(config);
        WriteJson(Path.Combine(folder, "config.json"), config);

        foreach (var name in Beside) Copy(Path.Combine(source.Model, name));
        foreach (var path in new[] { source.VisionTower, FolderOf(source.TextVocabulary), FolderOf(source.ImageProcessor) }) Copy(path);

        void Copy(string? path)
        {
            if (path is null || Path.GetRelativePath(source.Model, path) is not { } inside || inside.StartsWith("..", StringComparison.Ordinal)) return;
            if (Directory.Exists(path))
                foreach (var file in Directory.EnumerateFiles(path, "*", SearchOption.AllDirectories)) Copy(file);
            else if (File.Exists(path))
            {
                var target = Path.Combine(folder, inside);
                Directory.CreateDirectory(Path.GetDirectoryName(target)!);
                File.Copy(path, target, overwrite: true);
            }
        }

        string? FolderOf(string? file) => file is null || Path.GetDirectoryName(file) == source.Model ? file : Path.GetDirectoryName(file);
    }

    private static List<List<(string Name, Tensor Value)>> Shards(IReadOnlyList<(string Name, Tensor Value)> tensors, long elementSize, long largest)
    {
        var shards = new List<List<(string, Tensor)>> { new() };
        long size = 0;
        foreach (var tensor in tensors)
        {
            var bytes = SizeOf(tensor.Value, elementSize);
            if (size > 0 && size + bytes > largest)
            {
                shards.Add([]);
                size = 0;
            }
            shards[^1].Add(tensor);
            size += bytes;
        }
        return shards;
    }

    private static long SizeOf(Tensor tensor, long elementSize) =>
        tensor.NumberOfElements * (is_floating_point(tensor) ? elementSize : tensor.ElementSize);

    private static Tensor Stored(string name, Tensor value, ScalarType dtype)
    {
        var stored = is_floating_point(value) ? value.detach().to(dtype) : value;
        return stored.isfinite().all().item<bool>() ? stored : throw new NotRepresentableException(name, dtype);
    }

    private static long ElementSize(this ScalarType dtype) => dtype == ScalarType.Float32 ? 4 : 2;
}

/// <summary>A trained value is not a finite number in the dtype of the file; nothing has been replaced.</summary>
internal sealed class NotRepresentableException(string tensor, ScalarType dtype) : Exception(
    $"Tensor \"{tensor}\" has a value that is not finite in {dtype}. Write the checkpoint as float32, or train with a lower learning rate.")
{
    public string Tensor { get; } = tensor;

    public ScalarType Dtype { get; } = dtype;
}
