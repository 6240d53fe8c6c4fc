using System.Text.Json.Nodes;
using LlamaVid.Model.Vision;

namespace LlamaVid.Training.Pretraining;

/// <summary>The sizes of a model that is made from nothing, and what its configuration says of them.</summary>
internal sealed record ModelSizes
{
    public const string TowerFolder = "model_zoo/OpenAI/clip-shapes-world";

    public int ImageSize { get; init; } = 112;
    public int PatchSize { get; init; } = 14;
    public int VisionWidth { get; init; } = 128;
    public int VisionHeads { get; init; } = 4;
    public int VisionLayers { get; init; } = 3;
    public int VisionMlpWidth { get; init; } = 384;

    public int TextWidth { get; init; } = 128;
    public int TextLayers { get; init; } = 2;
    public int TextMlpWidth { get; init; } = 256;
    public int Queries { get; init; } = 4;

    public int Width { get; init; } = 192;
    public int Heads { get; init; } = 3;
    public int Layers { get; init; } = 5;
    public int MlpWidth { get; init; } = 512;

    /// <summary>Positions of a clip's conversation; the third stage stretches them for films.</summary>
    public int Positions { get; init; } = 512;

    public ClipShape Tower => new(VisionWidth, VisionMlpWidth, VisionLayers, VisionHeads, ImageSize, PatchSize, 1e-5, VisionActivation.Gelu);

    /// <summary><c>config.json</c>.</summary>
    public JsonObject Config(int vocabulary) => new()
    {
        ["architectures"] = new JsonArray("LlavaLlamaAttForCausalLM"),
        ["model_type"] = "llava",
        ["bert_type"] = "qformer_pretrain_freeze",
        ["bos_token_id"] = 1,
        ["eos_token_id"] = 2,
        ["pad_token_id"] = 0,
        ["compress_type"] = "mean",
        ["freeze_mm_mlp_adapter"] = false,
        ["hidden_act"] = "silu",
        ["hidden_size"] = Width,
        ["image_aspect_ratio"] = "square",
        ["image_grid_pinpoints"] = null,
        ["image_processor"] = $"./{TowerFolder}",
        ["initializer_range"] = 0.02,
        ["intermediate_size"] = MlpWidth,
        ["max_position_embeddings"] = Positions,
        ["max_token"] = Positions,
        ["mm_hidden_size"] = VisionWidth,
        ["mm_projector_type"] = "mlp2x_gelu",
        ["mm_use_im_patch_token"] = false,
        ["mm_use_im_start_end"] = false,
        ["mm_vision_select_feature"] = "patch",
        ["mm_vision_select_layer"] = -1,
        ["mm_vision_tower"] = $"./{TowerFolder}",
        ["num_attention_heads"] = Heads,
        ["num_hidden_layers"] = Layers,
        ["num_key_value_heads"] = Heads,
        ["num_query"] = Queries,
        ["pretraining_tp"] = 1,
        ["rms_norm_eps"] = 1e-05,
        ["rope_scaling"] = null,
        ["tie_word_embeddings"] = false,
        ["torch_dtype"] = "float16",
        ["transformers_version"] = "4.31.0",
        ["tune_mm_mlp_adapter"] = false,
        ["use_cache"] = true,
        ["use_mm_proj"] = true,
        ["vocab_size"] = vocabulary,
    };

    /// <summary><c>config.json</c> of the vision tower's folder.</summary>
    public JsonObject TowerConfig() => new()
    {
        ["model_type"] = "clip_vision_model",
        ["hidden_size"] = VisionWidth,
        ["intermediate_size"] = VisionMlpWidth,
        ["num_hidden_layers"] = VisionLayers,
        ["num_attention_heads"] = VisionHeads,
        ["image_size"] = ImageSize,
        ["patch_size"] = PatchSize,
        ["layer_norm_eps"] = 1e-5,
        ["hidden_act"] = "gelu",
    };

    /// <summary><c>preprocessor_config.json</c>, the image processor of CLIP.</summary>
    public JsonObject Processor() => new()
    {
        ["crop_size"] = ImageSize,
        ["do_center_crop"] = true,
        ["do_normalize"] = true,
        ["do_resize"] = true,
        ["feature_extractor_type"] = "CLIPFeatureExtractor",
        ["image_mean"] = new JsonArray(0.48145466, 0.4578275, 0.40821073),
        ["image_std"] = new JsonArray(0.26862954, 0.26130258, 0.27577711),
        ["resample"] = 3,
        ["size"] = ImageSize,
    };
}
