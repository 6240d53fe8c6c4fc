namespace LlamaVid.Model.Decoder;

/// <summary>Embeddings in, next-token logits out (reference: LlamaForCausalLM of transformers 4.31).</summary>
/// <remarks>Checkpoint prefix "" (the names are the full ones).
/// <code>
/// model.*    lm_head.weight [V, W]
/// </code></remarks>
internal sealed class LlamaForCausalLm : Module
{
    public readonly LlamaModel model;
    private readonly Linear lm_head;

    public LlamaForCausalLm(DecoderConfig config, LayerPlaces places) : base(nameof(LlamaForCausalLm))
    {
        model = new(config, places);
        lm_head = new(config.HiddenSize, config.VocabularySize, places.Last.AtLeastInt8, hasBias: false);
        RegisterComponents();
    }

    /// <param name="hidden">[N, W] from <see cref="LlamaModel.forward"/></param>
    /// <returns>[N, V] float32</returns>
    public Tensor Logits(Tensor hidden)
    {
        using var scope = NewDisposeScope();
        return lm_head.call(hidden).to(ScalarType.Float32).MoveToOuterDisposeScope();
    }
}
