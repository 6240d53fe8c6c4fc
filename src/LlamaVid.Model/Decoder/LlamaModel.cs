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

    private readonly long _group;

    public LlamaModel(DecoderConfig config, Placement placement) : base(nameof(LlamaModel))
    {
        embed_tokens = new(config.VocabularySize, config.HiddenSize, placement);
        layers = new([.. Enumerable.Range(0, config.Layers).Select(layer => new LlamaDecoderLayer(config, layer, placement))]);
        norm = new(config.HiddenSize, config.RmsNormEps, placement);
        RegisterComponents();
        _group = config.Heads / config.KvHeads;
    }

    /// <param name="embeddings">[S, W], the positions that follow what the cache holds</param>
    /// <returns>[S, W] normalised hidden states</returns>
    public Tensor forward(Tensor embeddings, Tensor cos, Tensor sin, KvCache cache)
    {
        using var scope = NewDisposeScope();
        var count = (int)embeddings.shape[0];
        var mask = count == 1 ? null : CausalMask(cache.Length, count, embeddings.device);
        var x = embeddings;
        foreach (var layer in layers) x = layer.forward(x, cos, sin, cache, mask);
        cache.Advance(count);
        return norm.call(x).MoveToOuterDisposeScope();
    }

    /// <returns>[G·S, past + S]: query i of the chunk looks at positions 0 .. past + i</returns>
    private Tensor CausalMask(int past, int count, Device device) =>
        torch.ones([count, past + count], ScalarType.Bool, device).tril(past).repeat(_group, 1);
}
