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
        var x = embeddings.forward(ids, queries).expand(frames.shape[0], -1, -1);
        var rows = encoder.forward(x, frames, Mask(isText, queries));
        return (queries is null ? rows : rows.narrow(1, 0, queries.shape[1])).MoveToOuterDisposeScope();
    }

    /// <summary>Q-Former: queries and text see each other, padding is hidden. BERT decoder: causal, padding hidden.</summary>
    /// <returns>[R, 1, Q + L, Q + L] true where a row may look</returns>
    private static Tensor Mask(Tensor isText, Tensor? queries)
    {
        var (questions, length) = (isText.shape[0], isText.shape[1]);
        if (queries is null)
            return torch.ones([length, length], ScalarType.Bool, isText.device).tril().logical_and(isText.unsqueeze(1)).unsqueeze(1);
        var visible = torch.cat([torch.ones([questions, queries.shape[1]], ScalarType.Bool, isText.device), isText], 1);
        return visible.view(questions, 1, 1, -1).expand(-1, -1, visible.shape[1], -1);
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
