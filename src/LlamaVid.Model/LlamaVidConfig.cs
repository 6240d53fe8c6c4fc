using System.Text.RegularExpressions;
using LlamaVid.Model.Vision;
using LlamaVid.Model.Weights;

namespace LlamaVid.Model;

/// <summary>
/// <c>config.json</c> read once into typed values. A value that the model would have to guess about is an error here, so nothing later
/// looks for substrings; it knows no weights and opens no other file.
/// </summary>
public sealed partial record LlamaVidConfig
{
    private const string DefaultImageProcessor = "./model_zoo/OpenAI/clip-vit-large-patch14";

    public required DecoderConfig Decoder { get; init; }

    /// <summary>Null for a plain text LLaMA: <c>config.json</c> has no <c>mm_vision_tower</c>.</summary>
    public VisionConfig? Vision { get; init; }

    public required int BosId { get; init; }
    public required int EosId { get; init; }
    public required int PadId { get; init; }

    /// <summary>
    /// Positions of one conversation: what the rotary table covers, or <c>max_token</c> where that is more. The official code refuses nothing;
    /// its workers use <c>max_token</c> as a bound on generated tokens only.
    /// </summary>
    public required int MaxContext { get; init; }

    /// <exception cref="CheckpointException">The file is missing, is not JSON, or holds a value that is not accepted; the message names all of it.</exception>
    public static LlamaVidConfig Read(string modelDirectory)
    {
        using var json = ConfigFile.Open(Path.Combine(modelDirectory, "config.json"));
        json.RequireOneOf("model_type", "llava", "llama");
        json.RequireOneOf("hidden_act", "silu", null);
        if (json.Bool("tie_word_embeddings", false)) throw json.Fault("tie_word_embeddings", "false (the output layer has its own weights)");

        var decoder = ReadDecoder(json);
        return new()
        {
            Decoder = decoder,
            Vision = json.Has("mm_vision_tower") ? ReadVision(json, decoder.HiddenSize) : null,
            BosId = TokenId(json, "bos_token_id", 1, decoder),
            EosId = TokenId(json, "eos_token_id", 2, decoder),
            PadId = json.Int("pad_token_id", 0, min: -1) is var pad and >= 0 && pad < decoder.VocabularySize ? pad : 0,
            MaxContext = Math.Max(json.Int("max_token", 1), (int)Math.Min(int.MaxValue, decoder.MaxPositions * decoder.RopeScalingFactor)),
        };
    }

    /// <summary>The same configuration with as many tokens as the checkpoint has embeddings: added tokens make them more than <c>vocab_size</c> says.</summary>
    internal LlamaVidConfig WithVocabularyOf(CheckpointReader reader) =>
        reader.Tensors.TryGetValue("model.embed_tokens.weight", out var embeddings)
        && embeddings.Shape is [<= int.MaxValue and var rows, _] && rows > Decoder.VocabularySize
            ? this with { Decoder = Decoder with { VocabularySize = (int)rows } }
            : this;

    private static DecoderConfig ReadDecoder(ConfigFile json)
    {
        int hidden = json.Int("hidden_size"), heads = json.Int("num_attention_heads"), kvHeads = json.Int("num_key_value_heads", heads);
        if (hidden % heads != 0 || hidden / heads % 2 != 0)
            throw json.Fault("num_attention_heads", $"a divisor of hidden_size ({hidden}) that leaves an even head size");
        if (heads % kvHeads != 0) throw json.Fault("num_key_value_heads", $"a divisor of num_attention_heads ({heads})");
        return new(hidden, json.Int("intermediate_size"), json.Int("num_hidden_layers"), heads, kvHeads, json.Int("vocab_size"),
            json.Int("max_position_embeddings"), json.Positive("rms_norm_eps"), json.Positive("rope_theta", 10000), ReadRopeScaling(json));
    }

    private static double ReadRopeScaling(ConfigFile json)
    {
        if (!json.Has("rope_scaling")) return 1;
        using var scaling = json.Object("rope_scaling");
        scaling.RequireOneOf(scaling.Has("rope_type") ? "rope_type" : "type", "linear");
        var factor = scaling.Positive("factor");
        return factor >= 1 ? factor : throw scaling.Fault("factor", "a number of at least 1");
    }

    private static int TokenId(ConfigFile json, string key, int fallback, DecoderConfig decoder)
    {
        var id = json.Int(key, fallback, min: 0);
        return id < decoder.VocabularySize ? id : throw json.Fault(key, $"an id below vocab_size ({decoder.VocabularySize})");
    }

    private static VisionConfig ReadVision(ConfigFile json, int decoderWidth)
    {
        var tower = json.Text("mm_vision_tower");
        var kind = ReadKind(json, tower);
        var (decoder, isPretrained, layers) = ReadTextDecoder(json);
        var (depth, isNumbered) = ReadProjector(json);
        if (depth == 0 && json.Int("mm_hidden_size") is var width && width != decoderWidth)
            throw json.Fault("mm_projector_type", $"a projector from mm_hidden_size ({width}) to hidden_size ({decoderWidth}); identity needs them equal");
        return new()
        {
            TowerPath = tower,
            ImageProcessorPath = json.Text("image_processor", DefaultImageProcessor),
            Kind = kind,
            SelectLayer = json.Int("mm_vision_select_layer", kind == VisionTowerKind.Eva ? -2 : null, int.MinValue),
            KeepsClassToken = json.RequireOneOf("mm_vision_select_feature", "patch", "cls_patch", null) == "cls_patch",
            HiddenSize = json.Int("mm_hidden_size"),
            TextDecoder = decoder,
            IsPretrained = isPretrained,
            TextDecoderLayers = layers,
            QueryCount = json.Int("num_query", 32),
            Pooling = ReadPooling(json),
            ProjectorDepth = depth,
            IsProjectorNumbered = isNumbered,
            ImageFit = json.RequireOneOf("image_aspect_ratio", "pad", "square", null) == "pad" ? ImageFit.Pad : ImageFit.Crop,
            UsesStartEnd = json.Bool("mm_use_im_start_end", false),
            UsesPatchToken = json.Bool("mm_use_im_patch_token", true),
        };
    }

    /// <summary>The rule and its order are those of the official <c>build_vision_tower</c>.</summary>
    private static VisionTowerKind ReadKind(ConfigFile json, string path)
    {
        bool Mentions(string word) => path.Contains(word, StringComparison.OrdinalIgnoreCase);
        if (Mentions("openai") || Mentions("laion")) return VisionTowerKind.Clip;
        if (Mentions("lavis") || Mentions("eva")) return VisionTowerKind.Eva;
        throw json.Fault("mm_vision_tower", "a path that holds \"openai\" or \"laion\" (a CLIP tower), or \"lavis\" or \"eva\" (an EVA tower)");
    }

    /// <summary>The values that the official code can load; it tests for substrings and so accepts, and then fails on, others.</summary>
    private static (TextDecoderKind Kind, bool IsPretrained, int? Layers) ReadTextDecoder(ConfigFile json) => json.Text("bert_type", "qformer") switch
    {
        "qformer" => (TextDecoderKind.QFormer, false, null),
        "qformer_pretrain" or "qformer_pretrain_freeze" or "qformer_pretrain_freeze_all" => (TextDecoderKind.QFormer, true, null),
        "raw_bert" => (TextDecoderKind.RawBert, false, null),
        var text when RawBertLayers().Match(text) is { Success: true } match => (TextDecoderKind.RawBert, false, int.Parse(match.Groups[1].ValueSpan)),
        _ => throw json.Fault("bert_type", "qformer, qformer_pretrain, qformer_pretrain_freeze, qformer_pretrain_freeze_all, raw_bert or raw_bert_layer:N"),
    };

    private static FramePooling ReadPooling(ConfigFile json) => json.Text("compress_type", "") switch
    {
        "" => new FramePooling.None(),
        "mean" => new FramePooling.Mean(),
        var text when Grid().Match(text) is { Success: true } match && int.Parse(match.Groups[1].ValueSpan) is var side and > 1 => new FramePooling.Grid(side),
        _ => throw json.Fault("compress_type", "null, mean or grid:N with N of at least 2"),
    };

    private static (int Depth, bool IsNumbered) ReadProjector(ConfigFile json) => json.Text("mm_projector_type", "linear") switch
    {
        "identity" => (0, false),
        "linear" => (1, false),
        var text when Mlp().Match(text) is { Success: true } match => (Math.Max(1, int.Parse(match.Groups[1].ValueSpan)), true),
        _ => throw json.Fault("mm_projector_type", "linear, identity or mlpNx_gelu"),
    };

    [GeneratedRegex(@"^raw_bert_layer:([1-9][0-9]{0,2})\z")]
    private static partial Regex RawBertLayers();

    [GeneratedRegex(@"^grid:([0-9]{1,3})\z")]
    private static partial Regex Grid();

    [GeneratedRegex(@"^mlp([0-9]{1,2})x_gelu\z")]
    private static partial Regex Mlp();
}
