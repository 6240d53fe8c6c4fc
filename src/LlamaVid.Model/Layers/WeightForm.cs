namespace LlamaVid.Model.Layers;

/// <summary>How linear layers keep their weights once they are loaded.</summary>
public enum WeightForm
{
    /// <summary>As loaded, in the dtype of the model. What training and the golden tests compute with.</summary>
    Plain,

    /// <summary>bfloat16, ordered once for oneDNN's kernels: the numbers are the same, the product does not reorder them at every call.</summary>
    BFloat16,

    /// <summary>8 bits with a scale per output; the rows of the input are rounded to 8 bits too, each with a scale of its own.</summary>
    Int8,

    /// <summary>4 bits with a scale and an offset per group of 128 inputs. For products of few rows; others keep 8 bits.</summary>
    Int4,
}
