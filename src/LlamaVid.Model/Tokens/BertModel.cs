namespace LlamaVid.Model.Tokens;

/// <summary>Embeddings and layers of the text decoder, and which rows may see which.</summary>
internal sealed class BertModel : Module
{
    private readonly BertEmbeddings embeddings;
    private readonly BertEncoder encoder;

    public BertModel(TextDecoderShape shape, Placement placement) : base(nameof(BertModel))
    {
        embeddings = new(shape, placement);
        encoder = new(shape, placement);
        RegisterComponents();
    }

    public Tensor forward(Tensor ids, Tensor isText, Tensor? queries, Tensor frames)
    {
        using var scope = NewDisposeScope();
        var x = embeddings.forward(ids, queries);
        var rows = encoder.forward(x.expand(frames.shape[0], -1, -1), frames, Mask(isText, queries));
        return (queries is null ? rows : rows.narrow(1, 0, queries.shape[1])).MoveToOuterDisposeScope();
    }

    /// <summary>Q-Former: queries and text see each other, padding is hidden. BERT decoder: causal, padding hidden. True = visible.</summary>
    private static Tensor Mask(Tensor isText, Tensor? queries)
    {
        var length = isText.shape[0];
        if (queries is null) return torch.ones([length, length], ScalarType.Bool, isText.device).tril().logical_and(isText);
        var visible = torch.cat([torch.ones([queries.shape[1]], ScalarType.Bool, isText.device), isText]);
        return visible.expand(visible.shape[0], -1);
    }
}

/// <summary>The layers, in order.</summary>
internal sealed class BertEncoder : Module
{
    private readonly TorchSharp.Modules.ModuleList<BertLayer> layer;

    public BertEncoder(TextDecoderShape shape, Placement placement) : base(nameof(BertEncoder))
    {
        layer = new([.. Enumerable.Range(0, shape.Layers).Select(index => new BertLayer(shape, index, placement))]);
        RegisterComponents();
    }

    public Tensor forward(Tensor x, Tensor frames, Tensor? mask)
    {
        using var scope = NewDisposeScope();
        foreach (var each in layer) x = each.forward(x, frames, mask);
        return x.MoveToOuterDisposeScope();
    }
}
