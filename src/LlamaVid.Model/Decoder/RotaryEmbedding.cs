namespace LlamaVid.Model.Decoder;

/// <summary>The frequencies of one layer's rotary position embedding, as the checkpoint stores them.</summary>
/// <remarks>
/// Checkpoints of transformers 4.31 hold this buffer; newer ones leave it out, and then it keeps its exact values.
/// <code>
/// inv_freq [D / 2]   float32
/// </code></remarks>
internal sealed class RotaryEmbedding : Module
{
    public readonly Tensor inv_freq;

    public RotaryEmbedding(long headSize, double theta, Device device) : base(nameof(RotaryEmbedding))
    {
        inv_freq = ExactFrequencies(headSize, theta, device);
        RegisterComponents();
    }

    /// <summary>theta ^ -(2i / D) for i in 0 .. D/2 - 1, in float32 operation by operation as the reference computes it.</summary>
    public static Tensor ExactFrequencies(long headSize, double theta, Device device)
    {
        using var scope = NewDisposeScope();
        var exponents = torch.tensor([.. Enumerable.Range(0, (int)headSize / 2).Select(i => 2f * i / headSize)], device: device);
        var bases = torch.tensor([.. Enumerable.Repeat((float)theta, (int)headSize / 2)], device: device);
        return bases.pow(exponents).reciprocal().DetachFromDisposeScope();
    }
}
