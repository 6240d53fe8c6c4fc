using LlamaVid.Model;
using LlamaVid.Model.Layers;
using LlamaVid.Model.Vision;
using LlamaVid.Training.Checkpoints;
using LlamaVid.Training.Loop;

namespace LlamaVid.Training.Pretraining;

/// <summary>
/// Makes the parts that the first stage starts from, one after the other: tokenizers, vision tower, text decoder, language model. Each is a run of its own
/// that can be continued; together they are an official checkpoint whose projectors say roughly what the language model expects.
/// </summary>
internal static class PretrainRun
{
    public const string Tower = "tower", TextDecoder = "text-decoder", Language = "language";

    private const string Content = "content";
    private const long LogEvery = 20;

    /// <exception cref="RunExistsException">The folder has a run that is not to be continued.</exception>
    /// <exception cref="OperationCanceledException">Asked to stop: the state is saved.</exception>
    public static void Run(PretrainOrder order, TextWriter error, CancellationToken cancellationToken)
    {
        var isStarted = File.Exists(Path.Combine(order.Out, "config.json"));
        if (isStarted && !order.Resume) throw new RunExistsException(order.Out, 0);
        if (!isStarted) BlankCheckpoint.Write(order.Out, order.Sizes, order.Seed);

        var patchesPerSide = order.Sizes.ImageSize / order.Sizes.PatchSize;
        Reading? seen = null;
        if (order.Only is null or Tower) seen = TrainTower();
        if (order.Only is Tower) return;

        using var model = LlamaVidModel.Load(new() { Path = order.Out, Dtype = ModelDtype.Float32, Device = "cpu" });
        if (order.Only is null or TextDecoder)
        {
            using var objective = new GroundingObjective(model, patchesPerSide, order.TextScenes, order.Seed);
            Train(TextDecoder, objective, order.TextSteps);
        }
        if (order.Only is TextDecoder) return;

        using var language = new LanguageObjective(model, order.Lessons, order.Seed);
        Train(Language, language, order.LanguageSteps);
        if (seen is null) return;

        Reading.Join(seen, language.Context, model);
        using (var objective = new ContentObjective(model, language.Content, patchesPerSide, order.TowerScenes, order.Seed))
            Train(Content, objective, order.ContentSteps);
        CheckpointWriter.WriteModel(order.Out, model.State, order.SavedDtype);

        Reading TrainTower()
        {
            var folder = Path.Combine(order.Out, ModelSizes.TowerFolder);
            using var tower = ClipVisionTower.Load(folder, -1, keepsClassToken: false, order.Sizes.ImageSize, new Placement(ScalarType.Float32, CPU));
            using var objective = new TowerObjective(tower, ImagePreprocessor.Read(Path.Combine(folder, "preprocessor_config.json")), order.TowerScenes, order.Seed);
            Train(Tower, objective, order.TowerSteps);
            CheckpointWriter.WriteTorch(Path.Combine(folder, "pytorch_model.bin"), tower.state_dict().Select(item => (item.Key, item.Value)), order.SavedDtype);
            return objective.Reading;
        }

        void Train(string part, IObjective objective, long steps)
        {
            var plan = new TrainingPlan { Steps = steps, LearningRate = order.LearningRate, Seed = order.Seed, Subject = $"pretraining of the {part}" };
            var files = new RunFiles(Path.Combine(order.Out, "run", part), order.CheckpointEvery, LogEvery, order.Resume);
            using var run = new TrainingRun(objective, plan, files);
            RunDisplay.For(error).Show(part, run.Step, plan.Steps, report => run.Run(report, cancellationToken));
        }
    }
}
