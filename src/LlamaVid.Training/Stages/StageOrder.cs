using LlamaVid.Model;

namespace LlamaVid.Training.Stages;

/// <summary>What <c>align</c>, <c>instruct</c> or <c>long</c> is asked to do. Null stands for the stage's official value.</summary>
/// <param name="Model">the checkpoint to start from</param>
/// <param name="Data">a JSON file, or the folder that <c>prepare</c> made</param>
/// <param name="Out">new checkpoint; its folder <c>run</c> holds state and log</param>
internal sealed record StageOrder(Stage Stage, string Model, string Data, string Out)
{
    public string? Media { get; init; }

    public string? Projector { get; init; }

    public string? Features { get; init; }

    public string? VisionTower { get; init; }

    public string? TextTokenizer { get; init; }

    public string? ImageProcessor { get; init; }

    public double Epochs { get; init; } = 1;

    public long? Steps { get; init; }

    public int? Batch { get; init; }

    public int? Accumulate { get; init; }

    public double? LearningRate { get; init; }

    public int? MaxLength { get; init; }

    public double WarmUp { get; init; } = 0.03;

    public double WeightDecay { get; init; }

    public double Dropout { get; init; } = 0.1;

    public long Seed { get; init; } = 42;

    public long CheckpointEvery { get; init; } = 500;

    public long LogEvery { get; init; } = 10;

    public bool Resume { get; init; }

    public bool SkipsFaults { get; init; }

    /// <summary>In which the weights are trained.</summary>
    public ModelDtype Dtype { get; init; } = ModelDtype.Float32;

    /// <summary>In which they are written.</summary>
    public ScalarType SavedDtype { get; init; } = ScalarType.BFloat16;
}
