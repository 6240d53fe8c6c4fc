namespace LlamaVid.Model.Decoder;

/// <summary>The LLaMA trunk: token embeddings, decoder layers and the final norm.</summary>
/// <remarks><code>
/// embed_tokens.weight [V, W]    layers.N.*    norm.weight [W]
/// </code></remarks>
internal sealed class LlamaModel : Module
{
    public readonly Embedding embed_tokens;
    public readonly TorchSharp.Modules.ModuleList<LlamaDecoderLayer> layers;
    private readonly RmsNorm norm;

    public LlamaModel(DecoderConfig config, Placement placement) : base(nameof(LlamaModel))
    {
        embed_tokens = new(config.VocabularySize, config.HiddenSize, placement);
        layers = new([.. Enumerable.Range(0, config.Layers).Select(layer => new LlamaDecoderLayer(config, layer, placement))]);
        norm = new(config.HiddenSize, config.RmsNormEps, placement);
        RegisterComponents();
    }

    /// <param name="embeddings">[N, W], rows of one or more sequences</param>
    /// <returns>[N, W] normalised hidden states</returns>
    public Tensor forward(Tensor embeddings, Tensor cos, Tensor sin, RowAttention rows)
    {
        using var scope = NewDisposeScope();
        var x = embeddings;
        foreach (var layer in layers) x = layer.forward(x, cos, sin, rows);
        return norm.call(x).MoveToOuterDisposeScope();
    }
}
