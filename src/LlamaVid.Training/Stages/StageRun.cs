using System.Text.Json.Nodes;
using LlamaVid.Model;
using LlamaVid.Model.Weights;
using LlamaVid.Training.Checkpoints;
using LlamaVid.Training.Data;
using LlamaVid.Training.Loop;

namespace LlamaVid.Training.Stages;

/// <summary>One stage from its checkpoint and data to the next checkpoint. The order of work; what is computed is elsewhere.</summary>
internal static class StageRun
{
    public static async Task RunAsync(StageOrder order, TextWriter output, TextWriter error, CancellationToken cancellationToken)
    {
        var stage = order.Stage;
        var files = new RunFiles(Path.Combine(order.Out, "run"), order.CheckpointEvery, order.LogEvery, order.Resume);
        if (File.Exists(files.State) && !order.Resume) throw new RunExistsException(files.Folder, RunState.Peek(files.State).Step);

        var source = CheckpointDirectory.Locate(order.Model, order.VisionTower, order.TextTokenizer, order.ImageProcessor);
        if (source.Config.Vision is not { } vision)
            throw new CheckpointException(Path.Combine(source.Model, "config.json"), "it describes a model that reads text only.");
        if (vision.UsesStartEnd)
            throw new CheckpointException(Path.Combine(source.Model, "config.json"), "\"mm_use_im_start_end\" is true; such models are not trained here.");

        var maxLength = order.MaxLength ?? stage.MaxLength;
        var scaling = stage.Form == SampleForm.Movie ? RopeScaling.For(source.Config.Decoder, maxLength) : source.Config.Decoder.RopeScalingFactor;
        using var model = LlamaVidModel.Load(
            new()
            {
                Path = order.Model, VisionTower = order.VisionTower, TextTokenizer = order.TextTokenizer, ImageProcessor = order.ImageProcessor,
                Dtype = order.Dtype,
            },
            config => config with { Decoder = config.Decoder with { RopeScalingFactor = scaling } });
        if (order.Projector is { } projector) Projector.Read(projector, model);
        model.FrameTokenizer!.TextDropout = order.Dropout;

        using var data = await TrainingSet.LoadAsync(model, stage, Data(order, model.TowerIdentity, maxLength), order.Seed, error.WriteLine, cancellationToken)
            .ConfigureAwait(false);
        var (batch, accumulate) = (order.Batch ?? stage.Batch, order.Accumulate ?? stage.Accumulate);
        var plan = new TrainingPlan
        {
            Steps = order.Steps ?? Steps(order.Epochs, data.Samples.Count, batch, accumulate), LearningRate = order.LearningRate ?? stage.LearningRate,
            Accumulate = accumulate, WarmUp = order.WarmUp, WeightDecay = order.WeightDecay, Seed = order.Seed,
            Subject = $"{stage.Name} of {data.Identity}, {batch} at a time, in {order.Dtype}, text decoder dropout {order.Dropout}",
        };
        var objective = new StageObjective(model, stage, data.Samples, batch, accumulate);
        using (var run = new TrainingRun(objective, plan, files))
        {
            await error.WriteLineAsync(
                $"{stage.Name}: {data.Samples.Count} samples ({data.Skipped.Count} skipped), steps {run.Step} to {plan.Steps} of {batch} x {accumulate}, "
                + $"{objective.Parameters.Sum(parameter => parameter.Value.numel()):N0} values trained").ConfigureAwait(false);
            try
            {
                RunDisplay.For(error).Show(stage.Name, run.Step, plan.Steps, report => run.Run(report, cancellationToken, data.Skipped));
            }
            catch (OperationCanceledException)
            {
                await error.WriteLineAsync($"{stage.Name}: stopped and saved after step {run.Step} of {plan.Steps}; --resume continues.").ConfigureAwait(false);
                throw;
            }
        }
        Write(order, source, model, scaling, maxLength);
        await output.WriteLineAsync(
            $"{order.Out}: {stage.Name}, {plan.Steps} steps, {data.Samples.Count} samples, {data.Skipped.Count} skipped").ConfigureAwait(false);
    }

    private static DataOrder Data(StageOrder order, string tower, int maxLength)
    {
        var file = Directory.Exists(order.Data) ? Path.Combine(order.Data, order.Stage.DataFile) : order.Data;
        return new(file, order.Media ?? Path.GetDirectoryName(Path.GetFullPath(file))!, maxLength, order.SkipsFaults, order.Features,
            tower);
    }

    /// <summary>As transformers counts them: a step that lacks micro-batches is not made.</summary>
    private static long Steps(double epochs, int samples, int batch, int accumulate)
    {
        var perEpoch = Math.Max(1, (samples + batch - 1) / batch / accumulate);
        return Math.Max(1, (long)Math.Ceiling(epochs * perEpoch));
    }

    private static void Write(StageOrder order, CheckpointDirectory source, LlamaVidModel model, double scaling, int maxLength)
    {
        using var noGrad = no_grad();
        CheckpointWriter.CopyRest(source, order.Out, config =>
        {
            config["torch_dtype"] = order.SavedDtype.ToString().ToLowerInvariant();
            if (config["bert_type"]?.GetValue<string>() is { } kind && kind.StartsWith("qformer_pretrain", StringComparison.Ordinal))
                config["bert_type"] = order.Stage.TextDecoder;
            config["max_token"] = maxLength;
            config["image_aspect_ratio"] = order.Stage.Pictures == Model.Vision.ImageFit.Pad ? "pad" : "square";
            if (scaling > 1) config["rope_scaling"] = new JsonObject { ["type"] = "linear", ["factor"] = scaling };
        });
        CheckpointWriter.WriteModel(order.Out, model.State, order.SavedDtype);
        if (order.Stage == Stage.Align) Projector.Write(order.Out, model, order.SavedDtype);
    }
}
