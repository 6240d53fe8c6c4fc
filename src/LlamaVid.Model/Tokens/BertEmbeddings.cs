namespace LlamaVid.Model.Tokens;

/// <summary>Word and position (BERT: also token type) embeddings, the queries in front, one layer norm over all.</summary>
internal sealed class BertEmbeddings : Module
{
    private const double Eps = 1e-12;

    private readonly Embedding word_embeddings;
    private readonly Embedding position_embeddings;
    private readonly Embedding? token_type_embeddings;
    private readonly LayerNorm LayerNorm;
    private readonly Tensor? position_ids;

    private readonly TextDropout _dropout;

    public BertEmbeddings(TextDecoderShape shape, Placement placement) : base(nameof(BertEmbeddings))
    {
        word_embeddings = new(shape.VocabularySize, shape.HiddenSize, placement);
        position_embeddings = new(shape.Positions, shape.HiddenSize, placement);
        if (shape.IsQFormer) position_ids = torch.arange(shape.Positions, ScalarType.Int64, placement.Device).unsqueeze(0).DetachFromDisposeScope();
        else token_type_embeddings = new(2, shape.HiddenSize, placement);
        LayerNorm = new(shape.HiddenSize, Eps, placement);
        RegisterComponents();
        _dropout = shape.Dropout;
    }

    /// <param name="ids">[R, L]</param>
    /// <param name="queries">[1, Q, E] or null</param>
    /// <returns>[R, Q + L, E]</returns>
    public Tensor forward(Tensor ids, Tensor? queries)
    {
        using var scope = NewDisposeScope();
        var text = word_embeddings.call(ids).add(position_embeddings.weight.narrow(0, 0, ids.shape[1]), Scalars.One);
        if (token_type_embeddings is not null) text = text.add(token_type_embeddings.weight.narrow(0, 0, 1), Scalars.One);
        var rows = queries is null ? text : torch.cat([queries.expand(ids.shape[0], -1, -1), text], 1);
        return _dropout.Apply(LayerNorm.call(rows)).MoveToOuterDisposeScope();
    }
}
