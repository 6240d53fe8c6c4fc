namespace LlamaVid.Model.Tokens;

/// <summary>How much of the text decoder's values training drops: 0, and so nothing, unless a trainer says otherwise.</summary>
internal sealed class TextDropout
{
    /// <summary>From 0 to below 1; the official training has 0.1, also where the text decoder is frozen.</summary>
    public double Rate { get; set; }

    public Tensor Apply(Tensor x) => Rate > 0 ? functional.dropout(x, Rate) : x;
}
