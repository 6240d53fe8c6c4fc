using LlamaVid.Model.Weights;

namespace LlamaVid.Model.Tokens;

/// <summary>The sizes of a BERT text decoder, read off a checkpoint's tensors (the official configuration comes from a hub, not from the checkpoint).</summary>
/// <param name="EncoderWidth">width of the visual features that cross-attention reads</param>
/// <param name="QueryCount">learned queries in front of the text; 0 for a plain BERT decoder</param>
internal sealed record TextDecoderShape(
    int HiddenSize, int IntermediateSize, int Layers, int VocabularySize, int Positions, int EncoderWidth, int QueryCount)
{
    private const string Prefix = "model.vlm_att_encoder.bert.";
    private const int HeadSize = 64;

    public int Heads => HiddenSize / HeadSize;

    public bool IsQFormer => QueryCount > 0;

    /// <summary>A Q-Former looks at the picture in every second layer, a plain BERT decoder in all.</summary>
    public bool HasCrossAttention(int layer) => !IsQFormer || layer % 2 == 0;

    public static TextDecoderShape Read(VisionConfig config, CheckpointReader reader)
    {
        var (vocabulary, hidden) = Matrix("embeddings.word_embeddings.weight");
        var layers = 0;
        while (reader.Tensors.ContainsKey($"{Prefix}encoder.layer.{layers}.attention.self.query.weight")) layers++;
        if (hidden % HeadSize != 0)
            throw Fault("embeddings.word_embeddings.weight", $"is {hidden} wide, not a multiple of its head size {HeadSize}");

        if (config.TextDecoderLayers is { } kept) layers = Math.Min(layers, kept);

        return new(hidden, Matrix("encoder.layer.0.intermediate.dense.weight").Rows, layers, vocabulary,
            Matrix("embeddings.position_embeddings.weight").Rows, Matrix("encoder.layer.0.crossattention.self.key.weight").Columns,
            config.TextDecoder == TextDecoderKind.QFormer ? config.QueryCount : 0);

        (int Rows, int Columns) Matrix(string name) =>
            reader.Tensors.TryGetValue(Prefix + name, out var entry) && entry.Shape.Count == 2
                ? ((int)entry.Shape[0], (int)entry.Shape[1])
                : throw Fault(name, "is needed and the checkpoint has no such matrix");

        static CheckpointException Fault(string name, string problem) => new("config.json", $"bert_type asks for a text decoder, but {Prefix}{name} {problem}.");
    }
}
