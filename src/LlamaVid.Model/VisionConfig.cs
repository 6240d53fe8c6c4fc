using LlamaVid.Model.Vision;

namespace LlamaVid.Model;

/// <summary>The family of the vision tower, told by words in its path as the official loader does.</summary>
public enum VisionTowerKind { Eva, Clip }

/// <summary>What turns the question into queries: a Q-Former, or a BERT that reads the frame by cross-attention.</summary>
public enum TextDecoderKind { QFormer, RawBert }

/// <summary>Everything <c>config.json</c> says about frames. It knows no files: paths are the strings of the configuration.</summary>
public sealed record VisionConfig
{
    /// <summary><c>mm_vision_tower</c>: a file for EVA, a folder for CLIP.</summary>
    public required string TowerPath { get; init; }

    /// <summary><c>image_processor</c>. A CLIP tower brings its own and this is not read.</summary>
    public required string ImageProcessorPath { get; init; }

    public required VisionTowerKind Kind { get; init; }

    /// <summary>Which hidden state of a CLIP tower is used, counted as a Python index; EVA ignores it.</summary>
    public required int SelectLayer { get; init; }

    /// <summary><c>mm_vision_select_feature</c> is <c>cls_patch</c>: the class token counts as a patch. No published model has it.</summary>
    public bool KeepsClassToken { get; init; }

    /// <summary><c>mm_hidden_size</c>: width of the tower's features.</summary>
    public required int HiddenSize { get; init; }

    public required TextDecoderKind TextDecoder { get; init; }

    /// <summary><c>bert_type</c> holds "pretrain": features pass <c>vlm_att_ln</c>.</summary>
    public required bool IsPretrained { get; init; }

    /// <summary>N of <c>raw_bert_layer:N</c>; null keeps all layers.</summary>
    public int? TextDecoderLayers { get; init; }

    /// <summary><c>num_query</c>: learned queries of the Q-Former.</summary>
    public required int QueryCount { get; init; }

    public required FramePooling Pooling { get; init; }

    /// <summary>Linear layers in <c>mm_projector</c>: 0 identity, 1 linear, n for <c>mlpNx_gelu</c>.</summary>
    public required int ProjectorDepth { get; init; }

    /// <summary>The projector is an <c>mlpNx_gelu</c>, whose tensors are numbered (<c>mm_projector.0.weight</c>) even when N is 1.</summary>
    public bool IsProjectorNumbered { get; init; }

    public required ImageFit ImageFit { get; init; }

    /// <summary><c>mm_use_im_start_end</c>.</summary>
    public required bool UsesStartEnd { get; init; }

    /// <summary><c>mm_use_im_patch_token</c>; true when the key is absent, as in the official loader.</summary>
    public required bool UsesPatchToken { get; init; }
}
