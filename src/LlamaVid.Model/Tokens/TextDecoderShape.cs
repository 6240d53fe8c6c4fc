using LlamaVid.Model.Weights;

namespace LlamaVid.Model.Tokens;

/// <summary>The sizes of a BERT text decoder, read off a checkpoint's tensors (the official configuration comes from a hub, not from the checkpoint).</summary>
/// <param name="EncoderWidth">width of the visual features that cross-attention reads</param>
/// <param name="QueryCount">learned queries in front of the text; 0 for a plain BERT decoder</param>
internal sealed record TextDecoderShape(
    int HiddenSize, int IntermediateSize, int Layers, int VocabularySize, int Positions, int EncoderWidth, int QueryCount)
{
    private const string Prefix = "model.vlm_att_encoder.bert.";
    public const string Words = $"{Prefix}embeddings.word_embeddings.weight";
    private const string LayerPrefix = $"{Prefix}encoder.layer.";
    private const int HeadSize = 64;
    private const int OfficialLayers = 12;
    private const int MinPositions = 256;                                      // the tokenizer cuts questions to so many
    private const int MaxSize = 1 << 20;

    /// <summary>Shared by all layers that are built of this shape.</summary>
    public TextDropout Dropout { get; } = new();

    public int Heads => HiddenSize / HeadSize;

    public bool IsQFormer => QueryCount > 0;

    /// <summary>Features are projected to what the text decoder reads: before every plain BERT, and before a pretrained Q-Former of another width.</summary>
    public bool ProjectsKeys(VisionConfig config) => !IsQFormer || (config.IsPretrained && EncoderWidth != config.HiddenSize);

    /// <summary>A Q-Former looks at the picture in every second layer, a plain BERT decoder in all.</summary>
    public bool HasCrossAttention(int layer) => !IsQFormer || layer % 2 == 0;

    public static TextDecoderShape Read(VisionConfig config, CheckpointReader reader)
    {
        var (vocabulary, hidden) = Matrix("embeddings.word_embeddings.weight");
        if (hidden % HeadSize != 0)
            throw Fault("embeddings.word_embeddings.weight", $"is {hidden} wide, not a multiple of its head size {HeadSize}");

        const string table = "embeddings.position_embeddings.weight";
        var positions = Matrix(table).Rows;
        if (positions < MinPositions) throw Fault(table, $"has {positions} positions where a question may have {MinPositions}");

        const string key = "encoder.layer.0.crossattention.self.key.weight";
        var isQFormer = config.TextDecoder == TextDecoderKind.QFormer;
        var encoderWidth = Matrix(key).Columns;
        if (isQFormer && !config.IsPretrained && encoderWidth != config.HiddenSize)
            throw Fault(key, $"reads features of width {encoderWidth} and mm_hidden_size is {config.HiddenSize}");

        return new(hidden, Matrix("encoder.layer.0.intermediate.dense.weight").Rows, CountLayers(config, reader), vocabulary, positions, encoderWidth,
            isQFormer ? config.QueryCount : 0);

        (int Rows, int Columns) Matrix(string name) =>
            reader.Tensors.TryGetValue(Prefix + name, out var entry) && entry.Shape is [> 0 and <= MaxSize, > 0 and <= MaxSize]
                ? ((int)entry.Shape[0], (int)entry.Shape[1])
                : throw Fault(name, "is needed and the checkpoint has no such matrix");
    }

    /// <summary>
    /// Layers that run: those of the file, which the official saver cuts to the N of <c>raw_bert_layer:N</c>. A file with more is refused later by
    /// the names of the surplus layers, as the official loader refuses it.
    /// </summary>
    private static int CountLayers(VisionConfig config, CheckpointReader reader)
    {
        var numbers = reader.Tensors.Keys.Select(LayerOf).Where(layer => layer >= 0).ToHashSet();
        for (var layer = 0; layer < numbers.Max(); layer++)
            if (!numbers.Contains(layer)) throw Fault($"encoder.layer.{layer}", $"is missing below encoder.layer.{numbers.Max()}");
        if (config.TextDecoderLayers is not { } wanted) return numbers.Count;
        return numbers.Count >= Math.Min(wanted, OfficialLayers)
            ? Math.Min(numbers.Count, wanted)
            : throw Fault($"encoder.layer.{numbers.Count}", $"is missing: the name raw_bert_layer:{wanted} needs it and the checkpoint has {numbers.Count} layers");
    }

    /// <summary>N of <c>…encoder.layer.N.…</c>, else -1.</summary>
    private static int LayerOf(string name) =>
        name.StartsWith(LayerPrefix, StringComparison.Ordinal) && int.TryParse(name[LayerPrefix.Length..].Split('.')[0], out var layer) ? layer : -1;

    private static CheckpointException Fault(string name, string problem) =>
        new("config.json", $"bert_type asks for a text decoder, but {Prefix}{name} {problem}.");
}
