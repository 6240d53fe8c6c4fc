namespace LlamaVid.Training.Loop;

/// <summary>The folder holds a run and nobody asked to continue it.</summary>
internal sealed class RunExistsException(string folder, long step) : Exception(
    $"{folder} holds a run that was saved after step {step}. Continue it with --resume, or choose another --out.")
{
    public string Folder { get; } = folder;

    public long Step { get; } = step;
}

/// <summary>The run in the folder is another one: continuing it would be neither the old run nor the new one.</summary>
internal sealed class RunMismatchException(string folder, string what, string stored, string wanted) : Exception(
    $"The run in {folder} cannot be continued: its {what} is {stored} and now it is {wanted}. Give the same options and data, or choose another --out.")
{
    public string Folder { get; } = folder;

    public string What { get; } = what;

    public string Stored { get; } = stored;

    public string Wanted { get; } = wanted;
}

/// <summary>The loss or a gradient is not a number any more. The last saved state is from before.</summary>
internal sealed class DivergedException(long step, double loss, double gradNorm, double rate) : Exception(
    $"Step {step} gave loss {loss} and gradient norm {gradNorm} at learning rate {rate:g4}. Lower --lr; the last saved state is from before this step.")
{
    public long Step { get; } = step;

    public double Loss { get; } = loss;

    public double GradNorm { get; } = gradNorm;

    public double Rate { get; } = rate;
}
