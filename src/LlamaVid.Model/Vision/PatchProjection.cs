namespace LlamaVid.Model.Vision;

/// <summary>Cuts pictures into square patches and projects each: a convolution whose stride is its kernel.</summary>
/// <remarks><code>
/// weight [C, 3, patch, patch]    bias [C], absent when the layer has none
/// </code></remarks>
internal sealed class PatchProjection : Module<Tensor, Tensor>
{
    public readonly Parameter weight;
    public readonly Parameter? bias;

    private readonly long[] _stride;

    public PatchProjection(long width, long patch, Placement placement, bool hasBias) : base(nameof(PatchProjection))
    {
        weight = placement.Parameter(width, 3, patch, patch);
        if (hasBias) bias = placement.Parameter(width);
        RegisterComponents();
        _stride = [patch, patch];
    }

    /// <param name="pixels">[T, 3, S, S]</param>
    /// <returns>[T, P, C], patches row by row</returns>
    public override Tensor forward(Tensor pixels)
    {
        using var scope = NewDisposeScope();
        return functional.conv2d(pixels, weight, bias, _stride).flatten(2).transpose(1, 2).MoveToOuterDisposeScope();
    }
}
