namespace LlamaVid.Training.Loop;

/// <summary>
/// Every number that decides what a run computes. Two runs of one plan over one objective are the same run, and only such a run can be
/// continued.
/// </summary>
internal sealed record TrainingPlan
{
    /// <summary>Optimizer steps in all.</summary>
    public required long Steps { get; init; }

    /// <summary>The highest learning rate.</summary>
    public required double LearningRate { get; init; }

    /// <summary>Micro-batches per step; their losses are averaged.</summary>
    public int Accumulate { get; init; } = 1;

    /// <summary>Share of the steps in which the rate rises from 0.</summary>
    public double WarmUp { get; init; } = 0.03;

    public double WeightDecay { get; init; }

    /// <summary>Gradients are scaled down to this global norm; infinity leaves them.</summary>
    public double MaxGradNorm { get; init; } = 1;

    public long Seed { get; init; }

    /// <summary>What is trained on which data and how large a micro-batch is, in words: a run is not continued on something else.</summary>
    public string Subject { get; init; } = "";
}

/// <summary>Where a run keeps its state and its log, and how often. None of it changes what is computed.</summary>
/// <param name="Folder">holds <c>state.safetensors</c> and <c>log.jsonl</c></param>
/// <param name="CheckpointEvery">steps between two saved states; 0 saves at the end and when interrupted only</param>
/// <param name="LogEvery">steps that one line of the log sums up</param>
/// <param name="Resume">continue what the folder holds, or start when it holds nothing; without it a folder with a state is refused</param>
internal sealed record RunFiles(string Folder, long CheckpointEvery = 500, long LogEvery = 10, bool Resume = false)
{
    public string State => Path.Combine(Folder, "state.safetensors");

    public string Log => Path.Combine(Folder, "log.jsonl");
}
