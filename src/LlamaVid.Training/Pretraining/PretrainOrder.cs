namespace LlamaVid.Training.Pretraining;

/// <summary>What <c>pretrain</c> is asked to do: how long each part is trained. The defaults are those of the default model.</summary>
/// <param name="Out">folder of the checkpoint; its folder <c>run</c> holds state and log of each part</param>
internal sealed record PretrainOrder(string Out)
{
    public ModelSizes Sizes { get; init; } = new();

    public long TowerSteps { get; init; } = 4000;

    public long TextSteps { get; init; } = 3600;

    public long LanguageSteps { get; init; } = 6500;

    public long ContentSteps { get; init; } = 1000;

    public int TowerScenes { get; init; } = 12;

    public int TextScenes { get; init; } = 8;

    public int Lessons { get; init; } = 32;

    public double LearningRate { get; init; } = 1.5e-3;

    public long Seed { get; init; } = 1;

    public long CheckpointEvery { get; init; } = 200;

    public bool Resume { get; init; }

    /// <summary>The one part that is to be trained, for running parts side by side; null for all of them and the checkpoint.</summary>
    public string? Only { get; init; }

    /// <summary>In which the weights are written.</summary>
    public ScalarType SavedDtype { get; init; } = ScalarType.Float32;
}
