using System.Text.Json.Nodes;
using LlamaVid.Model.Weights;
using LlamaVid.Training.Checkpoints;
using LlamaVid.Training.Loop;

namespace LlamaVid.Training.Stages;

/// <summary>
/// The start of the first stage out of the parts that one downloads: language model, InstructBLIP's Q-Former and vision tower, with fresh
/// projectors between them.
/// </summary>
/// <remarks>Fresh layers begin as torch's Linear does: uniform within 1 / √inputs.</remarks>
internal sealed record Composition(string LanguageModel, string QFormer, string Tower, string ImageProcessor, string Out, long Seed = 0)
{
    private static readonly string[] Tokenizer =
        ["tokenizer.model", "tokenizer_config.json", "special_tokens_map.json", "added_tokens.json", "generation_config.json"];

    /// <exception cref="CheckpointException">A part is missing or is something else.</exception>
    public void Write()
    {
        using var scope = NewDisposeScope();
        using var noGrad = no_grad();
        using var language = CheckpointReader.Open(LanguageModel);
        using var qFormer = CheckpointReader.Open(QFormer);
        using var tower = CheckpointReader.Open(Tower);

        var tensors = new List<(string Name, Tensor Value)>();
        tensors.AddRange(language.Tensors.Keys.Select(name => (name, Copy(language, name))));
        tensors.AddRange(from name in qFormer.Tensors.Keys let ours = NameOf(name) where ours is not null select (ours, Copy(qFormer, name)));

        var decoder = Shape(language, "model.embed_tokens.weight")[1];
        var vision = Shape(tower, "cls_token")[2];
        var query = tensors.Where(item => item.Name == "model.vlm_att_query").Select(item => item.Value.shape).FirstOrDefault()
            ?? throw new CheckpointException(QFormer, "there is no \"query_tokens\"; it is not InstructBLIP's Q-Former.");
        manual_seed(Seed).Dispose();
        AddLinear("vlm_att_projector", query[2], vision);
        AddLinear("vlm_att_key_projector", vision, vision);
        AddLinear("vlm_att_val_projector", vision, decoder);
        AddLinear("mm_projector.0", vision, decoder);
        AddLinear("mm_projector.2", decoder, decoder);

        Directory.CreateDirectory(Out);
        foreach (var name in Tokenizer.Where(name => File.Exists(Path.Combine(LanguageModel, name))))
            File.Copy(Path.Combine(LanguageModel, name), Path.Combine(Out, name), overwrite: true);
        CheckpointWriter.WriteJson(Path.Combine(Out, "config.json"), Config(vision, query[1]));
        TensorFile.Write(Path.Combine(Out, "model.safetensors"), tensors);

        void AddLinear(string name, long inputs, long outputs)
        {
            var bound = 1 / Math.Sqrt(inputs);
            tensors.Add(($"model.{name}.weight", nn.init.uniform_(empty(outputs, inputs), -bound, bound)));
            tensors.Add(($"model.{name}.bias", nn.init.uniform_(empty(outputs), -bound, bound)));
        }
    }

    private static Tensor Copy(CheckpointReader reader, string name)
    {
        var entry = reader.Tensors[name];
        var value = empty([.. entry.Shape], entry.Dtype);
        reader.CopyTo(name, value);
        return value;
    }

    /// <summary>InstructBLIP's names in LLaMA-VID's terms; null for what is not taken over.</summary>
    private static string? NameOf(string name) => name.Split('.', 2) switch
    {
        ["Qformer", var rest] when rest.StartsWith("bert.", StringComparison.Ordinal) => "model.vlm_att_encoder." + rest,
        ["ln_vision", var rest] => "model.vlm_att_ln." + rest,
        ["query_tokens"] => "model.vlm_att_query",
        _ => null,
    };

    private static long[] Shape(CheckpointReader reader, string name) =>
        reader.Tensors.TryGetValue(name, out var entry) ? [.. entry.Shape] : throw new CheckpointException(reader.Path, $"there is no tensor \"{name}\".");

    private JsonObject Config(long visionWidth, long queries)
    {
        var config = JsonNode.Parse(File.ReadAllBytes(Path.Combine(LanguageModel, "config.json")))!.AsObject();
        foreach (var (key, value) in new JsonObject
        {
            ["architectures"] = new JsonArray("LlavaLlamaAttForCausalLM"),
            ["bert_type"] = Stage.Align.TextDecoder, ["compress_type"] = "mean", ["num_query"] = queries, ["image_processor"] = ImageProcessor,
            ["image_aspect_ratio"] = "square", ["max_token"] = Stage.Align.MaxLength, ["mm_hidden_size"] = visionWidth,
            ["mm_projector_type"] = "mlp2x_gelu", ["mm_vision_select_feature"] = "patch", ["mm_vision_select_layer"] = -2,
            ["mm_vision_tower"] = Tower, ["mm_use_im_patch_token"] = false, ["mm_use_im_start_end"] = false, ["use_mm_proj"] = true,
        })
            config[key] = value?.DeepClone();
        return config;
    }
}
