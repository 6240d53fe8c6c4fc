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

    private readonly Device?[] _entered;                                    // per layer; null where a pass is already on its device

    public LlamaModel(DecoderConfig config, LayerPlaces places) : base(nameof(LlamaModel))
    {
        embed_tokens = new(config.VocabularySize, config.HiddenSize, places.First);
        layers = new([.. Enumerable.Range(0, config.Layers).Select(layer => new LlamaDecoderLayer(config, layer, places[layer]))]);
        norm = new(config.HiddenSize, config.RmsNormEps, places.Last);
        RegisterComponents();
        _entered = [.. Enumerable.Range(0, config.Layers).Select(layer => places.IsBorder(layer) ? places[layer].Device : null)];
    }

    /// <param name="embeddings">[N, W], rows of one or more sequences</param>
    /// <returns>[N, W] normalised hidden states</returns>
    public Tensor forward(Tensor embeddings, Tensor cos, Tensor sin, RowAttention rows)
    {
        using var scope = NewDisposeScope();
        return norm.call(Through(0, layers.Count, embeddings, cos, sin, rows)).MoveToOuterDisposeScope();
    }

    /// <summary>What comes out halfway, and at the end: training may ask what the model knows by then.</summary>
    /// <param name="half">layers before the first of the two</param>
    /// <returns>[N, W] each, the first as it is, the second normalised</returns>
    public (Tensor Half, Tensor Hidden) forward(int half, Tensor embeddings, Tensor cos, Tensor sin, RowAttention rows)
    {
        using var scope = NewDisposeScope();
        var early = Through(0, half, embeddings, cos, sin, rows);
        return (early.MoveToOuterDisposeScope(), norm.call(Through(half, layers.Count, early, cos, sin, rows)).MoveToOuterDisposeScope());
    }

    private Tensor Through(int first, int end, Tensor x, Tensor cos, Tensor sin, RowAttention rows)
    {
        for (var i = first; i < end; i++)
        {
            if (_entered[i] is { } device)
            {
                (x, cos, sin) = (x.to(device), cos.to(device), sin.to(device));
                rows.MoveTo(device);
            }
            x = layers[i].forward(x, cos, sin, rows);
        }
        return x;
    }
}
