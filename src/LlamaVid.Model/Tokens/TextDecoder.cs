namespace LlamaVid.Model.Tokens;

/// <summary>The text decoder that turns a question and a frame into queries: InstructBLIP's Q-Former, or a plain BERT decoder.</summary>
/// <remarks>Checkpoint prefix "model.vlm_att_encoder.".
/// <code>
/// bert.embeddings.{word_embeddings [V, E], position_embeddings [512, E], LayerNorm}
/// bert.embeddings.position_ids [1, 512] int64 (Q-Former)    bert.embeddings.token_type_embeddings [2, E] (BERT)
/// bert.encoder.layer.N.*
/// </code></remarks>
internal sealed class TextDecoder : Module
{
    private readonly BertModel bert;

    public TextDecoder(TextDecoderShape shape, Placement placement) : base(nameof(TextDecoder))
    {
        bert = new(shape, placement);
        RegisterComponents();
    }

    /// <param name="ids">[R, L] int64 word pieces: one question for all frames (R = 1), or one for each (R = T)</param>
    /// <param name="isText">[R, L] bool, false for padding</param>
    /// <param name="queries">[1, Q, E] learned queries, or null for a plain BERT decoder</param>
    /// <param name="frames">[T, N, C] what cross-attention looks at</param>
    /// <returns>[T, Q, E], or [T, L, E] for a plain BERT decoder</returns>
    public Tensor forward(Tensor ids, Tensor isText, Tensor? queries, Tensor frames) => bert.forward(ids, isText, queries, frames);
}
