namespace LlamaVid.Tests.Model.Oracle;

/// <summary>The sizes of a CLIP tower and what its config.json says.</summary>
internal sealed record ClipRecipe(int Width, int Heads, int Layers, int MlpWidth, int ImageSize, int PatchSize, double Epsilon, bool IsQuick);

/// <summary>The sizes of an EVA tower and its file.</summary>
/// <param name="Depth">blocks that run; the file holds one more</param>
/// <param name="Grid">patches per side that the file has positions for</param>
internal sealed record EvaRecipe(int Width, int Depth, int MlpWidth, int ImageSize, int Grid);

/// <summary>Everything that a checkpoint may choose, drawn from a seed: no two are alike, and every one is in the official layout.</summary>
internal sealed record CheckpointRecipe
{
    private static readonly string[] TextDecoders = 
        ["qformer_pretrain", "raw_bert", "qformer", "qformer_pretrain_freeze_all", "raw_bert_layer", "qformer_pretrain_freeze"];
    private static readonly string[] Projectors = ["mlp2x_gelu", "linear", "mlp3x_gelu", "identity", "mlp1x_gelu"];

    public const int TokenizerPieces = 800;
    public const int WordPieces = 701;

    public required int Seed { get; init; }

    public required int Hidden { get; init; }
    public required int Heads { get; init; }
    public required int KvHeads { get; init; }
    public required int Layers { get; init; }
    public required int Intermediate { get; init; }
    public required int Vocabulary { get; init; }
    public required int MaxPositions { get; init; }
    public required double Epsilon { get; init; }
    public required double RopeTheta { get; init; }
    public required double RopeFactor { get; init; }
    public int HeadSize => Hidden / Heads;

    public EvaRecipe? Eva { get; init; }
    public ClipRecipe? Clip { get; init; }
    public required int SelectLayer { get; init; }
    public required bool KeepsClassToken { get; init; }
    public int VisionWidth => Eva?.Width ?? Clip!.Width;
    public int ImageSize => Eva?.ImageSize ?? Clip!.ImageSize;
    public int GridSide => Eva is null ? Clip!.ImageSize / Clip.PatchSize : Eva.ImageSize / 14;

    public required string BertType { get; init; }
    public required int BertHidden { get; init; }
    public required int BertLayers { get; init; }
    public required int BertIntermediate { get; init; }
    public required int BertPositions { get; init; }
    public required int Queries { get; init; }
    public required bool ProjectsKeys { get; init; }
    public required string? Compress { get; init; }
    public required string Projector { get; init; }

    public bool IsRawBert => BertType.StartsWith("raw", StringComparison.Ordinal);
    public bool IsPretrained => BertType.Contains("pretrain", StringComparison.Ordinal);
    public int EncoderWidth => IsRawBert ? BertHidden : ProjectsKeys ? VisionWidth + 24 : VisionWidth;
    public int ProjectorDepth => Projector is "identity" ? 0 : Projector is "linear" ? 1 : Projector[3] - '0';

    /// <summary>Rows of the tower's output that the class-token rule leaves: an odd count loses its first.</summary>
    public int KeptRows(bool isMovie)
    {
        var rows = GridSide * GridSide + (HasClassToken && !isMovie ? 1 : 0);
        return rows % 2 == 1 && !KeepsClassToken ? rows - 1 : rows;
    }

    public bool HasClassToken => Eva is not null || KeepsClassToken;

    /// <param name="seed">chooses everything; consecutive seeds go through all kinds of towers, text decoders and projectors</param>
    public static CheckpointRecipe Draw(int seed)
    {
        var random = new Random(seed);
        int From(int low, int high) => random.Next(low, high + 1);
        T One<T>(params T[] choices) => choices[random.Next(choices.Length)];

        var decoder = TextDecoders[seed % TextDecoders.Length];
        var projector = Projectors[seed % Projectors.Length];
        var isClip = seed % 7 is 1 or 4 or 6;

        var kvHeads = From(1, 3);
        var heads = kvHeads * From(1, 3);
        var hidden = heads * One(2, 6, 10, 16, 22);
        EvaRecipe? eva = null;
        ClipRecipe? clip = null;
        if (isClip)
        {
            var (clipHeads, patch) = (From(1, 4), One(7, 14, 14, 10));
            var width = projector == "identity" ? hidden : clipHeads * 2 * From(4, 12);
            clip = new(width, width % clipHeads == 0 ? clipHeads : 1, Layers: From(2, 4), MlpWidth: From(9, 50),
                patch * From(2, 5) + One(0, 0, 3), patch, One(1e-5, 1e-6), One(true, false));
        }
        else
        {
            eva = new(88 * One(1, 1, 2), From(1, 3), From(20, 90), 14 * From(2, 5), From(1, 5));
            if (projector == "identity") (hidden, heads, kvHeads) = (eva.Width, 4, One(1, 2, 4));
        }

        var bertLayers = From(1, 5);
        var recipe = new CheckpointRecipe
        {
            Seed = seed,
            Hidden = hidden,
            Heads = heads,
            KvHeads = kvHeads,
            Layers = From(1, 4),
            Intermediate = From(7, 60),
            Vocabulary = From(TokenizerPieces, TokenizerPieces + 17),
            MaxPositions = One(8, 24, 40, 4096),
            Epsilon = One(1e-5, 1e-6),
            RopeTheta = One(10000.0, 10000.0, 500.0),
            RopeFactor = One(1.0, 1.0, 4.0, 16.0),
            Eva = eva,
            Clip = clip,
            SelectLayer = isClip ? One(-1, -2, -3, 1, 0) : -2,
            KeepsClassToken = One(false, false, false, true),
            BertType = decoder == "raw_bert_layer" ? $"raw_bert_layer:{bertLayers}" : decoder,
            BertHidden = 64 * From(1, 2),
            BertLayers = bertLayers,
            BertIntermediate = From(11, 70),
            BertPositions = One(256, 300, 512),
            Queries = From(1, 40),
            ProjectsKeys = decoder.StartsWith("raw", StringComparison.Ordinal) || (decoder.Contains("pretrain") && One(true, false)),
            Compress = null,
            Projector = projector,
        };
        var isSquare = Math.Sqrt(recipe.KeptRows(isMovie: false)) % 1 == 0 && Math.Sqrt(recipe.KeptRows(isMovie: true)) % 1 == 0;
        var side = (int)Math.Sqrt(recipe.KeptRows(isMovie: false));
        return recipe with { Compress = isSquare ? One("mean", null, $"grid:{From(2, side)}", $"grid:{From(2, side)}") : One("mean", null) };
    }
}
