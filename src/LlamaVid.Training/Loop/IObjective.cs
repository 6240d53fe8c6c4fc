namespace LlamaVid.Training.Loop;

/// <summary>
/// What a run makes smaller: parameters and a loss that is a pure function of them, the step, the micro-batch and the seed. Knows no optimizer.
/// </summary>
/// <remarks>
/// Everything random inside must come from the seed it is given, or from torch's global generator, which the run seeds before every micro-batch; then a
/// run that is continued sees what an uninterrupted one would have seen, and there is no random state to keep.
/// </remarks>
internal interface IObjective
{
    /// <summary>What may change, each name once, always in the same order.</summary>
    IReadOnlyList<TrainedParameter> Parameters { get; }

    /// <summary>The loss of micro-batch <paramref name="part"/> of step <paramref name="step"/>, both from 0. Runs in the run's dispose scope.</summary>
    /// <param name="seed">of the whole run: with the step it decides which samples these are (<see cref="EpochOrder"/>)</param>
    Measured Loss(long step, int part, long seed);
}

/// <summary>A parameter by its name in the checkpoint.</summary>
/// <param name="Decays">whether weight decay pulls at it; biases and layer norms are left alone, as in the official groups</param>
internal sealed record TrainedParameter(string Name, Parameter Value, bool Decays = true)
{
    /// <summary>With the official rule: neither biases nor LayerNorm weights decay. RMS norms do (transformers 4.31).</summary>
    public static TrainedParameter Named(string name, Parameter value) => new(name, value,
        !(name.Contains("bias", StringComparison.Ordinal) || name.Contains("LayerNorm", StringComparison.Ordinal)
            || name.Contains("vlm_att_ln", StringComparison.Ordinal)));
}

/// <summary>What one micro-batch gave.</summary>
/// <param name="Loss">a scalar that can be differentiated; the mean over the micro-batch</param>
/// <param name="Samples">how many there were, for the speed</param>
/// <param name="Accuracy">the share that was right, where the objective has such a thing</param>
/// <param name="Kinds">of each sample what kind it is and whether it was right, where there are kinds</param>
internal readonly record struct Measured(Tensor Loss, int Samples, double? Accuracy = null, IReadOnlyList<(string Kind, bool IsRight)>? Kinds = null);
