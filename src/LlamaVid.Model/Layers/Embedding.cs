namespace LlamaVid.Model.Layers;

/// <summary>Rows of a table by id.</summary>
/// <remarks><code>
/// weight [rows, width]
/// </code></remarks>
internal sealed class Embedding : Module<Tensor, Tensor>
{
    public readonly Parameter weight;

    public Embedding(long rows, long width, Placement placement) : base(nameof(Embedding))
    {
        weight = placement.Parameter(rows, width);
        RegisterComponents();
    }

    /// <param name="ids">[…] int64</param>
    /// <returns>[…, width]</returns>
    public override Tensor forward(Tensor ids)
    {
        using var scope = NewDisposeScope();
        return weight.index_select(0, ids.flatten()).view([.. ids.shape, weight.shape[1]]).MoveToOuterDisposeScope();
    }
}
