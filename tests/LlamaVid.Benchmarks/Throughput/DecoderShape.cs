using LlamaVid.Model;

namespace LlamaVid.Benchmarks.Throughput;

/// <summary>Sizes of a decoder and the work that they are. Knows no weights.</summary>
/// <param name="Heads">of queries</param>
/// <param name="KvHeads">of keys and values</param>
internal sealed record DecoderShape(int Hidden, int Heads, int KvHeads, int Mlp, int Vocabulary, int Layers)
{
    private const int Positions = 2048;

    /// <summary>bench-1b's layers; the released model's; and others, with heads of 64, 80, 96, 100 and 128 values, grouped keys, and words that no register divides.</summary>
    public static readonly IReadOnlyList<DecoderShape> All =
    [
        new(2048, 16, 16, 5632, 32000, 6), new(4096, 32, 32, 11008, 32000, 2), new(1536, 24, 24, 4096, 32003, 8), new(2560, 32, 32, 6912, 32003, 4), new(3072, 32, 32, 8192, 32064, 3),
        new(3200, 32, 32, 8640, 32000, 3), new(2560, 20, 4, 6912, 50257, 4), new(896, 14, 2, 4864, 151936, 8),
    ];

    public string Name => $"{Hidden} x {Heads}{(KvHeads == Heads ? "" : $"/{KvHeads}")}, {Mlp}, {Vocabulary}";

    public int HeadSize => Hidden / Heads;

    /// <summary>Weights that a position of a prompt is multiplied with: without the output layer.</summary>
    public long PromptWeights => Layers * (2L * Hidden * Hidden + 2L * Hidden * KvHeads * HeadSize + 3L * Hidden * Mlp);

    public long OutputWeights => (long)Hidden * Vocabulary;

    public DecoderConfig Config => new(Hidden, Mlp, Layers, Heads, KvHeads, Vocabulary, Positions, 1e-5, 10_000, 1);
}
