using System.Text.Json.Nodes;
using LlamaVid.Model.Tokens;
using LlamaVid.Model.Vision;

namespace LlamaVid.Benchmarks.Throughput;

/// <summary>Sizes of a generated model, what its configuration says of them, and how much work they are. Knows no weights.</summary>
/// <param name="Name">of its folder</param>
/// <param name="Tower">blocks that run; the file holds one more</param>
internal sealed record BenchShape(
    string Name, int Hidden, int Layers, int Heads, int Mlp, int Vocabulary, EvaShape Tower, int TextWidth, int TextLayers, int TextMlp, int Queries)
{
    public const int ImageSize = 224, Positions = 8192, TextPositions = 512;

    private static readonly EvaShape TinyTower = new(88, 2, 352, 14, 16);

    /// <summary>0.95 B weights: the shape that other engines are measured with too.</summary>
    public static readonly BenchShape OneBillion = new("bench-1b", 2048, 16, 16, 5632, 32000, TinyTower, 128, 2, 256, 8);

    /// <summary>The same with a tower and a text decoder of the released model's sizes.</summary>
    public static readonly BenchShape OneBillionGiant =
        OneBillion with { Name = "bench-1b-eva-g", Tower = EvaShape.Giant, TextWidth = 768, TextLayers = 12, TextMlp = 3072, Queries = 32 };

    /// <summary>The same with three times the layers: 5 GB of bfloat16, which start-up has to read.</summary>
    public static readonly BenchShape FiveGigabytes = OneBillion with { Name = "bench-5gb", Layers = 48 };

    /// <summary>So small that the commands themselves can be tried; its numbers mean nothing.</summary>
    public static readonly BenchShape Smoke = new("bench-smoke", 64, 2, 4, 128, 2000, TinyTower, 128, 2, 256, 8);

    public bool IsGiant => Tower == EvaShape.Giant;

    /// <summary>Weights that one token is multiplied with: all but the table of embeddings.</summary>
    public long MultipliedWeights => Layers * (4L * Hidden * Hidden + 3L * Hidden * Mlp) + (long)Hidden * Vocabulary;

    /// <summary>Of them, those that a position of a prompt needs: without the output layer.</summary>
    public long PromptWeights => MultipliedWeights - (long)Hidden * Vocabulary;

    /// <param name="elementBytes">of the keys and values</param>
    public long KvBytesPerPosition(int elementBytes) => 2L * Layers * Hidden * elementBytes;

    /// <summary>Multiplications and additions of the tower for one frame: linear layers, attention, and the cutting into patches.</summary>
    public double TowerFlopsPerFrame
    {
        get
        {
            double c = Tower.Width, f = Tower.MlpWidth, patches = Tower.Grid * Tower.Grid, n = patches + 1;
            return Tower.Depth * (2 * n * (4 * c * c + 2 * c * f) + 4 * n * n * c) + 2 * patches * c * 3 * Tower.PatchSize * Tower.PatchSize;
        }
    }

    /// <param name="words">of the text decoder's list</param>
    public TextDecoderShape Text(int words) => new(TextWidth, TextMlp, TextLayers, words, TextPositions, Tower.Width, Queries);

    /// <summary><c>config.json</c>.</summary>
    public JsonObject Config() => new()
    {
        ["architectures"] = new JsonArray("LlavaLlamaAttForCausalLM"), ["model_type"] = "llava", ["bert_type"] = "qformer_pretrain",
        ["bos_token_id"] = 1, ["eos_token_id"] = 2, ["pad_token_id"] = 0, ["compress_type"] = "mean", ["hidden_act"] = "silu",
        ["hidden_size"] = Hidden, ["intermediate_size"] = Mlp, ["num_hidden_layers"] = Layers, ["num_attention_heads"] = Heads, ["num_key_value_heads"] = Heads,
        ["vocab_size"] = Vocabulary, ["max_position_embeddings"] = Positions, ["max_token"] = Positions, ["rms_norm_eps"] = 1e-5,
        ["image_aspect_ratio"] = "square", ["image_processor"] = "./processor", ["mm_vision_tower"] = "./eva_vit_g.pth", ["mm_hidden_size"] = Tower.Width,
        ["mm_projector_type"] = "mlp2x_gelu", ["mm_vision_select_feature"] = "patch", ["mm_use_im_patch_token"] = false, ["mm_use_im_start_end"] = false,
        ["num_query"] = Queries, ["rope_scaling"] = null, ["tie_word_embeddings"] = false, ["torch_dtype"] = "bfloat16",
    };

    /// <summary><c>preprocessor_config.json</c> of CLIP.</summary>
    public static JsonObject Processor() => new()
    {
        ["crop_size"] = ImageSize, ["do_center_crop"] = true, ["do_normalize"] = true, ["do_resize"] = true,
        ["feature_extractor_type"] = "CLIPFeatureExtractor",
        ["image_mean"] = new JsonArray(0.48145466, 0.4578275, 0.40821073),
        ["image_std"] = new JsonArray(0.26862954, 0.26130258, 0.27577711),
        ["resample"] = 3, ["size"] = ImageSize,
    };
}
