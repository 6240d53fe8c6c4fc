using LlamaVid.Model.Weights;

namespace LlamaVid.Model.Vision;

/// <summary>The sizes of an EVA-ViT, read off the tensors of its file: the file holds no configuration.</summary>
/// <param name="Width">C, features per patch</param>
/// <param name="Depth">blocks that run</param>
/// <param name="MlpWidth">F</param>
/// <param name="PatchSize">pixels per side</param>
/// <param name="Grid">patches per side of the position embedding in the file</param>
internal sealed record EvaShape(int Width, int Depth, int MlpWidth, int PatchSize, int Grid)
{
    /// <summary>EVA-ViT-g has 1408 features in 16 heads; the size of a head is part of the architecture.</summary>
    private const int HeadSize = 88;

    /// <summary>EVA-ViT-g of the released model at 224 pixels: 39 of its 40 blocks run.</summary>
    public static readonly EvaShape Giant = new(1408, 39, 6144, 14, 16);

    public int Heads => Width / HeadSize;

    /// <remarks>
    /// The official tower drops the last block of the file (<c>create_eva_vit_g</c>). A file from which it has already been cut, told by its 39 blocks
    /// of full width, runs whole.
    /// </remarks>
    /// <exception cref="CheckpointException">A tensor that tells a size is missing or has an impossible shape.</exception>
    public static EvaShape Read(IReadOnlyDictionary<string, TensorEntry> tensors, string file)
    {
        var width = Shape("cls_token", 3, "[1, 1, C]")[2];
        if (width % HeadSize != 0) throw new CheckpointException(file, $"cls_token is {width} wide; accepted: a multiple of the head size, {HeadSize}.");
        var patch = Shape("patch_embed.proj.weight", 4, "[C, 3, patch, patch]")[3];
        var mlp = Shape("blocks.0.mlp.fc1.weight", 2, "[F, C]")[0];
        var positions = Shape("pos_embed", 3, "[1, 1 + grid², C]")[1];
        var grid = (int)Math.Sqrt(positions - 1);
        if (grid * grid + 1 != positions || grid < 1) throw new CheckpointException(file, $"pos_embed has {positions} positions; accepted: 1 + grid².");

        var blocks = 1 + tensors.Keys.Max(BlockOf);
        var isTrimmed = (width, blocks) == (Giant.Width, Giant.Depth);
        return new(width, isTrimmed ? blocks : blocks - 1, mlp, patch, grid);

        int[] Shape(string name, int rank, string accepted)
        {
            if (!tensors.TryGetValue(name, out var entry))
                throw new CheckpointException(file, $"the tensor {name} {accepted} of an EVA vision tower is missing.");
            return entry.Shape.Count == rank && entry.Shape.All(size => size is > 0 and <= 1 << 20)
                ? [.. entry.Shape.Select(size => (int)size)]
                : throw new CheckpointException(file, $"the tensor {name} has the shape [{string.Join(", ", entry.Shape)}]; accepted: {accepted}.");
        }
    }

    /// <summary>N of <c>blocks.N.…</c>, else -1.</summary>
    private static int BlockOf(string name) =>
        name.Split('.') is ["blocks", var number, ..] && int.TryParse(number, out var block) && block is >= 0 and < 1000 ? block : -1;
}
