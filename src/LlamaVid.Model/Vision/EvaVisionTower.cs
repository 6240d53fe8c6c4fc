using LlamaVid.Model.Weights;

namespace LlamaVid.Model.Vision;

/// <summary>EVA-ViT-g as LLaMA-VID uses it: the last block and the final norm are left out, and the class token stays in the output.</summary>
/// <remarks>
/// Source: <c>eva_vit.py</c> of the official code. Extra tensors of the file (last block, norm, head) are not read, as there.
/// <code>
/// cls_token [1, 1, C]    pos_embed [1, 1 + P, C]    patch_embed.proj.{weight [C, 3, 14, 14], bias [C]}    blocks.N.…
/// </code>
/// </remarks>
internal sealed class EvaVisionTower : VisionTower
{
    public readonly Parameter cls_token;
    public readonly Parameter pos_embed;
    public readonly EvaPatches patch_embed;
    public readonly TorchSharp.Modules.ModuleList<EvaBlock> blocks;

    public EvaVisionTower(EvaShape shape, int imageSize, Placement placement)
        : base(nameof(EvaVisionTower), shape.Width, imageSize, shape.PatchSize, hasClassToken: true)
    {
        cls_token = placement.Parameter(1, 1, shape.Width);
        pos_embed = placement.Parameter(1, 1 + shape.Grid * shape.Grid, shape.Width);
        patch_embed = new(shape, placement);
        blocks = new([.. Enumerable.Range(0, shape.Depth).Select(_ => new EvaBlock(shape, placement))]);
        RegisterComponents();
    }

    public static EvaVisionTower Load(string file, int imageSize, Placement placement)
    {
        using var reader = CheckpointReader.Open(file);
        var shape = EvaShape.Read(reader.Tensors, file);
        if (imageSize % shape.PatchSize != 0)
            throw new CheckpointException(file,
                $"the vision tower cuts patches of {shape.PatchSize} pixels; the image processor's {imageSize} pixels are not a multiple of it.");

        var tower = new WeightLoader(reader).Build(at => new EvaVisionTower(shape, imageSize, at), placement, prefix: "");
        if (imageSize / shape.PatchSize != shape.Grid) tower.StretchPositions(reader, shape);
        return tower;
    }

    public override Tensor forward(Tensor pixels)
    {
        using var scope = NewDisposeScope();
        var x = cat([cls_token.expand(pixels.shape[0], -1, -1), patch_embed.call(pixels)], dim: 1);   // [T, 1 + P, C]
        return Through(blocks, x.add(pos_embed, Scalars.One)).MoveToOuterDisposeScope();
    }

    /// <summary>Fits the file's grid of positions to this tower's pictures, once, from the file's values in float32.</summary>
    private void StretchPositions(CheckpointReader reader, EvaShape shape)
    {
        using var scope = NewDisposeScope();
        var positions = empty(pos_embed.shape, ScalarType.Float32);
        reader.CopyTo(nameof(pos_embed), positions);
        using var _ = no_grad();
        pos_embed.set_(Stretch(positions, shape.Grid, ImageSize / shape.PatchSize).to(pos_embed.dtype, pos_embed.device));
    }

    /// <summary>Bicubic resize of the grid of position embeddings; the class token's stays.</summary>
    /// <param name="positions">[1, 1 + from², C] float32</param>
    /// <param name="from">side of the given grid</param>
    /// <param name="to">side of the wanted grid</param>
    /// <returns>[1, 1 + to², C] float32</returns>
    internal static Tensor Stretch(Tensor positions, int from, int to)
    {
        using var scope = NewDisposeScope();
        var grid = positions.narrow(1, 1, from * from).transpose(1, 2).reshape(1, -1, from, from);
        var stretched = functional.interpolate(grid, [to, to], mode: InterpolationMode.Bicubic, align_corners: false);
        return cat([positions.narrow(1, 0, 1), stretched.flatten(2).transpose(1, 2)], dim: 1).MoveToOuterDisposeScope();
    }
}

/// <summary>Holds the patch projection under the checkpoint's name <c>patch_embed.proj</c>.</summary>
internal sealed class EvaPatches : Module<Tensor, Tensor>
{
    public readonly PatchProjection proj;

    public EvaPatches(EvaShape shape, Placement placement) : base(nameof(EvaPatches))
    {
        proj = new(shape.Width, shape.PatchSize, placement, hasBias: true);
        RegisterComponents();
    }

    public override Tensor forward(Tensor pixels) => proj.call(pixels);
}
