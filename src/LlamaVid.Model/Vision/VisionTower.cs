using LlamaVid.Model.Weights;

namespace LlamaVid.Model.Vision;

/// <summary>Turns pictures into features, one per patch, without regard to any question. It knows no text.</summary>
/// <remarks>
/// <c>call(pixels)</c>: [T, 3, S, S] → [T, P, C], or [T, 1 + P, C] with the class token first where <see cref="HasClassToken"/>. Input and output are
/// in the dtype of the tower's <see cref="Placement"/>. Frames do not influence each other, so a batch may be split anywhere. Grad mode is the caller's.
/// </remarks>
public abstract class VisionTower : Module<Tensor, Tensor>
{
    private protected VisionTower(string name, int width, int imageSize, int patchSize, bool hasClassToken) : base(name)
    {
        (Width, ImageSize, HasClassToken) = (width, imageSize, hasClassToken);
        PatchCount = imageSize / patchSize * (imageSize / patchSize);
    }

    /// <summary>C, features per patch.</summary>
    public int Width { get; }

    /// <summary>P, without the class token.</summary>
    public int PatchCount { get; }

    /// <summary>The first row of the output is the class token.</summary>
    public bool HasClassToken { get; }

    /// <summary>N, rows of the output for each frame: the patches, and the class token where it stays.</summary>
    public int RowCount => PatchCount + (HasClassToken ? 1 : 0);

    /// <summary>S, side of the pictures in pixels.</summary>
    public int ImageSize { get; }

    /// <summary>The tower that <paramref name="config"/> describes, with its weights.</summary>
    /// <param name="path">where <see cref="VisionConfig.TowerPath"/> lies on this machine: a file for EVA, a folder for CLIP</param>
    /// <param name="config">kind, width and layer of the tower</param>
    /// <param name="imageSize">side of the pictures in pixels, from the image processor</param>
    /// <param name="placement">where and in which dtype the weights lie</param>
    /// <exception cref="CheckpointException">The files are missing, lack a tensor, or do not fit the configuration.</exception>
    public static VisionTower Load(string path, VisionConfig config, int imageSize, Placement placement)
    {
        VisionTower tower = config.Kind switch
        {
            VisionTowerKind.Eva => EvaVisionTower.Load(path, imageSize, placement),
            VisionTowerKind.Clip => ClipVisionTower.Load(path, config.SelectLayer, config.KeepsClassToken, imageSize, placement),
            _ => throw new ArgumentOutOfRangeException(nameof(config), config.Kind, "no such vision tower"),
        };
        if (tower.Width == config.HiddenSize) return tower;

        using (tower)
            throw new CheckpointException(path, $"the vision tower's features are {tower.Width} wide; config.json says mm_hidden_size {config.HiddenSize}.");
    }

    /// <summary>Runs <paramref name="x"/> through the blocks and lets each intermediate go: forty blocks of a batch of frames would otherwise hold forty copies of it.</summary>
    private protected static Tensor Through<TBlock>(IEnumerable<TBlock> blocks, Tensor x) where TBlock : Module<Tensor, Tensor>
    {
        foreach (var block in blocks)
        {
            var next = block.call(x);
            x.Dispose();
            x = next;
        }
        return x;
    }
}
