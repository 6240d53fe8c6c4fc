namespace LlamaVid.Model.Decoder;

/// <summary>Cosines and sines of rotary positions with linear scaling (reference: LlamaLinearScalingRotaryEmbedding).</summary>
/// <remarks>
/// The official table is built from exact frequencies for the first <c>max_position_embeddings</c> positions; a longer sequence rebuilds all of
/// it from the <c>inv_freq</c> buffer, which by then holds the checkpoint's (possibly rounded) values. <see cref="RopeFrequencies"/> chooses.
/// </remarks>
/// <param name="stored">[D / 2] float32; becomes the table's own</param>
internal sealed class RotaryTable(DecoderConfig config, RopeFrequencies frequencies, Tensor stored) : IDisposable
{
    private readonly float _factor = (float)config.RopeScalingFactor;
    private readonly Tensor _exact =
        RotaryEmbedding.ExactFrequencies(config.HiddenSize / config.Heads, config.RopeTheta, stored.device);

    /// <param name="start">first position</param>
    /// <param name="count">S, positions in a row</param>
    /// <param name="sequenceLength">positions that the sequence has when this call is done; decides which frequencies hold</param>
    /// <returns>cos and sin [S, 1, D] in <paramref name="dtype"/></returns>
    public (Tensor Cos, Tensor Sin) At(int start, int count, int sequenceLength, ScalarType dtype)
    {
        using var scope = NewDisposeScope();
        var inverse = frequencies == RopeFrequencies.Stored && sequenceLength > config.MaxPositions ? stored : _exact;

        var positions = new float[count];
        for (var i = 0; i < count; i++) positions[i] = (start + i) / _factor;

        var half = torch.tensor(positions, device: inverse.device).unsqueeze(1).mul(inverse);       // [S, D/2]
        var angles = torch.cat([half, half], 1).unsqueeze(1);                                       // [S, 1, D]
        return (angles.cos().to(dtype).MoveToOuterDisposeScope(), angles.sin().to(dtype).MoveToOuterDisposeScope());
    }

    /// <summary>Rotates pairs (i, i + D/2), the "rotate_half" layout of the checkpoints.</summary>
    /// <param name="x">[S, H, D]</param>
    public static Tensor Rotate(Tensor x, Tensor cos, Tensor sin)
    {
        using var scope = NewDisposeScope();
        var half = x.shape[^1] / 2;
        var turned = torch.cat([x.narrow(-1, half, half).neg(), x.narrow(-1, 0, half)], -1);
        return x.mul(cos).add_(turned.mul_(sin), Scalars.One).MoveToOuterDisposeScope();
    }

    public void Dispose()
    {
        _exact.Dispose();
        stored.Dispose();
    }
}
