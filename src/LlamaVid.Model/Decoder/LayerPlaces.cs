namespace LlamaVid.Model.Decoder;

/// <summary>Where each layer of a decoder lies. Neighbours lie together, so a pass goes from block to block and never back.</summary>
internal sealed class LayerPlaces
{
    private readonly Placement[] _places;                                   // per layer
    private readonly HashSet<int> _borders;                                 // first layers of all blocks but the first

    /// <param name="blocks">in order: a place, and how many layers lie there</param>
    public LayerPlaces(params (Placement Place, int Layers)[] blocks)
    {
        _places = [.. blocks.SelectMany(block => Enumerable.Repeat(block.Place, block.Layers))];
        _borders = [.. blocks.Skip(1).Select((_, i) => blocks.Take(i + 1).Sum(block => block.Layers))];
        Blocks = blocks;
    }

    /// <summary>Divides by numbers of values, as if all had the same bits.</summary>
    /// <param name="devices">in order; the same one twice makes two blocks</param>
    /// <param name="before">what lies on the first device beside the decoder</param>
    /// <exception cref="TooManyDevicesException">there are fewer layers than devices</exception>
    public static LayerPlaces Over(IReadOnlyList<Placement> devices, DecoderConfig config, params IEnumerable<nn.Module> before)
    {
        if (devices.Count == 1) return new((devices[0], config.Layers));
        using var shapes = new LlamaForCausalLm(config with { Layers = 1 }, new((Placement.Meta, 1)));
        var (all, layer, embedding) = (Values(shapes), Values(shapes.model.layers[0]), Values(shapes.model.embed_tokens));
        var counts = LayerSplit.Of(config.Layers, devices.Count, layer, embedding + before.Sum(Values), after: all - layer - embedding);
        return new([.. devices.Zip(counts)]);

        static long Values(nn.Module module) =>
            module.parameters().Sum(parameter => parameter.numel()) + module.modules().OfType<Linear>().Where(layer => layer.Packed is not null).Sum(layer => layer.WeightCount);
    }

    public Placement this[int layer] => _places[layer];

    /// <summary>Also of the embedding, and of all that is computed before the decoder.</summary>
    public Placement First => _places[0];

    /// <summary>Also of the final norm and the logits.</summary>
    public Placement Last => _places[^1];

    public IReadOnlyList<(Placement Place, int Layers)> Blocks { get; }

    /// <summary>Whether a layer is the first of a block that another one precedes.</summary>
    public bool IsBorder(int layer) => _borders.Contains(layer);
}
