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
    /// <exception cref="RunExistsException">The folder has a run that is not to be continued.</exception>
    /// <exception cref="OperationCanceledException">Asked to stop: the state is saved.</exception>
    public static void Run(PretrainOrder order, TextWriter error, CancellationToken cancellationToken)
    {
        var isStarted = File.Exists(Path.Combine(order.Out, "config.json"));
        if (isStarted && !order.Resume) throw new RunExistsException(order.Out, 0);
        if (!isStarted) BlankCheckpoint.Write(order.Out, order.Sizes, order.Seed);

        var sizes = order.Sizes;
        var tower = Path.Combine(order.Out, ModelSizes.TowerFolder);
        Reading seen, context, content;
        using (var trained = ClipVisionTower.Load(tower, -1, keepsClassToken: false, sizes.ImageSize, new Placement(ScalarType.Float32, CPU)))
        {
            using (var objective = new TowerObjective(trained, ImagePreprocessor.Read(Path.Combine(tower, "preprocessor_config.json")), order.TowerScenes, order.Seed))
            {
                Train("tower", objective, order.TowerSteps);
                seen = objective.Reading;
            }
            CheckpointWriter.WriteTorch(Path.Combine(tower, "pytorch_model.bin"), trained.state_dict().Select(item => (item.Key, item.Value)), order.SavedDtype);
        }

        using var model = LlamaVidModel.Load(new() { Path = order.Out, Dtype = ModelDtype.Float32, Device = "cpu" });
        using (var objective = new GroundingObjective(model, sizes.ImageSize / sizes.PatchSize, order.TextScenes, order.Seed))
            Train("text-decoder", objective, order.TextSteps);
        using (var objective = new LanguageObjective(model, order.Lessons, order.Seed))
        {
            Train("language", objective, order.LanguageSteps);
            (context, content) = (objective.Context, objective.Content);
        }
        Reading.Join(seen, context, model);
        using (var objective = new ContentObjective(model, content, sizes.ImageSize / sizes.PatchSize, order.TowerScenes, order.Seed))
            Train("content", objective, order.ContentSteps);
        CheckpointWriter.WriteModel(order.Out, model.State, order.SavedDtype);

        void Train(string part, IObjective objective, long steps)
        {
            var plan = new TrainingPlan { Steps = steps, LearningRate = order.LearningRate, Seed = order.Seed, Subject = $"pretraining of the {part}" };
            var files = new RunFiles(Path.Combine(order.Out, "run", part), order.CheckpointEvery, 10, order.Resume);
            using var run = new TrainingRun(objective, plan, files);
            RunDisplay.For(error).Show(part, run.Step, plan.Steps, report => run.Run(report, cancellationToken));
        }
    }
}
