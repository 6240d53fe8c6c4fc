namespace LlamaVid.Model.Decoder;

/// <summary>Tells which keys and values the rows of one pass look at. Everything else in the decoder treats every row alike.</summary>
internal abstract class RowAttention
{
    /// <summary>The layers that follow lie on another device.</summary>
    public virtual void MoveTo(Device device)
    {
    }

    /// <param name="q">[N, H, D] queries, already rotated</param>
    /// <param name="k">[N, K, D] keys, already rotated</param>
    /// <param name="v">[N, K, D]</param>
    /// <returns>[N, H·D]</returns>
    public abstract Tensor Attend(int layer, Tensor q, Tensor k, Tensor v);
}
