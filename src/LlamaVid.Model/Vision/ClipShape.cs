using LlamaVid.Model.Weights;

namespace LlamaVid.Model.Vision;

/// <summary>
/// The sizes of a CLIP vision tower from its <c>config.json</c>, whole CLIP (<c>vision_config</c>) or vision part alone; absent keys have the
/// defaults of <c>CLIPVisionConfig</c>.
/// </summary>
internal sealed record ClipShape(
    int Width, int MlpWidth, int Layers, int Heads, int ImageSize, int PatchSize, double Epsilon, VisionActivation Activation)
{
    public int PatchCount => ImageSize / PatchSize * (ImageSize / PatchSize);

    /// <exception cref="CheckpointException">The file is missing or holds a value that is not accepted.</exception>
    public static ClipShape Read(string file)
    {
        using var root = ConfigFile.Open(file);
        using var json = root.Has("vision_config") ? root.Object("vision_config") : root;
        var shape = new ClipShape(json.Int("hidden_size", 768), json.Int("intermediate_size", 3072), json.Int("num_hidden_layers", 12),
            json.Int("num_attention_heads", 12), json.Int("image_size", 224), json.Int("patch_size", 32), json.Positive("layer_norm_eps", 1e-5),
            json.RequireOneOf("hidden_act", "quick_gelu", "gelu", null) == "gelu" ? VisionActivation.Gelu : VisionActivation.QuickGelu);
        if (shape.Width % shape.Heads != 0) throw json.Fault("num_attention_heads", $"a divisor of hidden_size ({shape.Width})");
        return shape.PatchSize <= shape.ImageSize ? shape : throw json.Fault("patch_size", $"at most image_size ({shape.ImageSize})");
    }
}
