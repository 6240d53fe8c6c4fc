namespace LlamaVid.Model.Layers;

/// <summary>A linear layer's weight in an order of its own, from which products are made and nothing else: it cannot be read back or differentiated.</summary>
internal abstract class PackedWeight : IDisposable
{
    public abstract WeightForm Form { get; }

    /// <param name="rows">[M, inputs], contiguous</param>
    /// <param name="bias">[outputs]</param>
    /// <returns>[M, outputs] in the dtype of <paramref name="rows"/></returns>
    public abstract Tensor Multiply(Tensor rows, Tensor? bias);

    public abstract void Dispose();

    /// <summary>Packs a weight in the wanted form, or in the next finer one that its sizes and this processor allow.</summary>
    /// <param name="weight">[outputs, inputs]</param>
    /// <returns>null when the weight stays as it is</returns>
    public static PackedWeight? Of(Tensor weight, WeightForm form)
    {
        using var scope = NewDisposeScope();
        if (form == WeightForm.Int4 && Int4Weight.Fits(weight)) return new Int4Weight(weight);
        if (form == WeightForm.Int4 && CudaInt4Weight.Fits(weight)) return new CudaInt4Weight(weight);
        if (form is WeightForm.Int4 or WeightForm.Int8 && Int8Weight.Fits(weight)) return new Int8Weight(weight);
        if (form is WeightForm.Int4 or WeightForm.Int8 && CudaInt8Weight.Fits(weight)) return new CudaInt8Weight(weight);
        return form != WeightForm.Plain && BFloat16Weight.Fits(weight) ? new BFloat16Weight(weight) : null;
    }
}
