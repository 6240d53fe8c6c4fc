namespace LlamaVid.Model;

/// <summary>Sizes and constants of the LLaMA decoder.</summary>
/// <param name="HiddenSize">Width of a token; divisible by <paramref name="Heads"/>.</param>
/// <param name="IntermediateSize">Width inside the MLP.</param>
/// <param name="Layers">Number of decoder layers.</param>
/// <param name="Heads">Query heads.</param>
/// <param name="KvHeads">Key and value heads; divides <paramref name="Heads"/>.</param>
/// <param name="VocabularySize">Rows of the embedding and of the output layer.</param>
/// <param name="MaxPositions"><c>max_position_embeddings</c>, before scaling.</param>
/// <param name="RmsNormEps">Added to the mean square.</param>
/// <param name="RopeTheta">Base of the rotary frequencies.</param>
/// <param name="RopeScalingFactor">Positions are divided by it; 1 without linear scaling.</param>
public sealed record DecoderConfig(
    int HiddenSize,
    int IntermediateSize,
    int Layers,
    int Heads,
    int KvHeads,
    int VocabularySize,
    int MaxPositions,
    double RmsNormEps,
    double RopeTheta,
    double RopeScalingFactor);
