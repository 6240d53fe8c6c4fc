using LlamaVid.Model.Weights;

namespace LlamaVid.Model.Vision;

/// <summary>CLIP's vision tower up to the hidden state that the model reads: later layers and the final norm are neither built nor run.</summary>
/// <remarks>
/// Source: <c>clip_encoder.py</c> of the official code on Hugging Face's <c>CLIPVisionModel</c>. Checkpoint prefix "vision_model." or none.
/// <code>
/// embeddings.{class_embedding [C], patch_embedding.weight [C, 3, 14, 14], position_embedding.weight [1 + P, C]}
/// pre_layrnorm.{weight,bias} [C]    encoder.layers.N.…
/// </code>
/// </remarks>
internal sealed class ClipVisionTower : VisionTower
{
    private const string Prefix = "vision_model.";

    public readonly ClipEmbeddings embeddings;
    public readonly LayerNorm pre_layrnorm;
    public readonly ClipEncoder encoder;

    /// <param name="shape">sizes of the whole tower</param>
    /// <param name="layers">layers that are needed</param>
    /// <param name="keepsClassToken">the class token stays in the output</param>
    /// <param name="placement">where the parameters lie</param>
    public ClipVisionTower(ClipShape shape, int layers, bool keepsClassToken, Placement placement)
        : base(nameof(ClipVisionTower), shape.Width, shape.ImageSize, shape.PatchSize, keepsClassToken)
    {
        embeddings = new(shape, placement);
        pre_layrnorm = new(shape.Width, shape.Epsilon, placement);
        encoder = new(shape, layers, placement);
        RegisterComponents();
    }

    /// <param name="folder">holds config.json and the weights</param>
    /// <param name="selectLayer">which hidden state: 0 is before the first layer, negative counts from the end</param>
    /// <param name="keepsClassToken">the class token stays in the output</param>
    /// <param name="imageSize">side of the pictures in pixels</param>
    /// <param name="placement">where the weights lie</param>
    public static ClipVisionTower Load(string folder, int selectLayer, bool keepsClassToken, int imageSize, Placement placement)
    {
        var shape = ClipShape.Read(Path.Combine(folder, "config.json"));
        if (shape.ImageSize != imageSize)
            throw new CheckpointException(folder, $"the vision tower reads pictures of {shape.ImageSize} pixels; the image processor makes {imageSize}.");
        var layers = selectLayer < 0 ? shape.Layers + 1 + selectLayer : selectLayer;
        if (layers < 0 || layers > shape.Layers)
            throw new CheckpointException(folder,
                $"the vision tower has {shape.Layers} layers; mm_vision_select_layer {selectLayer} is not one of its {shape.Layers + 1} hidden states.");

        using var reader = CheckpointReader.Open(folder);
        var prefix = reader.Tensors.Keys.Any(name => name.StartsWith(Prefix, StringComparison.Ordinal)) ? Prefix : "";
        var loader = new WeightLoader(reader);
        loader.RequireLayers(layer => $"{prefix}encoder.layers.{layer}.layer_norm1.weight", layers);
        var tower = loader.Build(at => new ClipVisionTower(shape, layers, keepsClassToken, at), placement, prefix);
        loader.Ignore(name => IsUnused(name, prefix, layers));
        loader.RequireAllClaimed();
        return tower;
    }

    public override Tensor forward(Tensor pixels)
    {
        using var scope = NewDisposeScope();
        var x = Through(encoder.layers, pre_layrnorm.call(embeddings.call(pixels)));                // [T, 1 + P, C]
        return (HasClassToken ? x : x.narrow(1, 1, PatchCount).contiguous()).MoveToOuterDisposeScope();
    }

    /// <summary>What a whole CLIP holds beside this tower: the text half, the projections, the last layers and norm, and the numbers 0 … P.</summary>
    private static bool IsUnused(string name, string prefix, int layers)
    {
        if (name is "text_projection.weight" or "visual_projection.weight" or "logit_scale") return true;
        if (name.StartsWith("text_model.", StringComparison.Ordinal)) return true;
        if (!name.StartsWith(prefix, StringComparison.Ordinal)) return false;
        return name[prefix.Length..].Split('.') switch
        {
            ["embeddings", "position_ids"] => true,
            ["post_layernorm", ..] => true,
            ["encoder", "layers", var number, ..] => int.TryParse(number, out var layer) && layer >= layers,
            _ => false,
        };
    }
}
