using LlamaVid.Model;
using LlamaVid.Model.Layers;
using LlamaVid.Model.Vision;
using LlamaVid.Tests.Model.Weights;
using LlamaVid.Training;
using LlamaVid.Training.Loop;
using LlamaVid.Training.Pretraining;
using TorchSharp;
using static TorchSharp.torch;

namespace LlamaVid.Tests.Training.Pretraining;

[Collection(AloneCollection.Name)]
public sealed class PretrainRunTests
{
    private static readonly ModelSizes Small = new()
    {
        ImageSize = 32, PatchSize = 16, VisionWidth = 32, VisionHeads = 2, VisionLayers = 2, VisionMlpWidth = 48,
        TextWidth = 64, TextMlpWidth = 64, TextLayers = 1, Queries = 2, Width = 32, Heads = 2, Layers = 2, MlpWidth = 48,
    };

    [Fact]
    public void Every_part_is_trained_and_the_checkpoint_loads_strictly()
    {
        using var folder = new TemporaryFolder();
        var order = Order(Path.Combine(folder.Path, "model"));
        PretrainRun.Run(order, TextWriter.Null, CancellationToken.None);

        using var model = LlamaVidModel.Load(new() { Path = order.Out, Dtype = ModelDtype.Float32, Device = "cpu" });
        Assert.Equal(2, model.TokensPerFrame);
        foreach (var part in new[] { "tower", "text-decoder", "language", "content" })
            Assert.Equal(2, RunState.Peek(Path.Combine(order.Out, "run", part, "state.safetensors")).Step);
    }

    [Fact]
    public void Parts_that_were_trained_one_by_one_are_the_same_to_the_bit_on_one_thread()
    {
        using var folder = new TemporaryFolder();
        var (whole, parts) = (Order(Path.Combine(folder.Path, "whole")), Order(Path.Combine(folder.Path, "parts")) with { Resume = true });
        var threads = get_num_threads();
        set_num_threads(1);
        try
        {
            PretrainRun.Run(whole, TextWriter.Null, CancellationToken.None);
            foreach (var part in new[] { PretrainRun.Language, PretrainRun.Tower, PretrainRun.TextDecoder, null })
                PretrainRun.Run(parts with { Only = part }, TextWriter.Null, CancellationToken.None);
        }
        finally
        {
            set_num_threads(threads);
        }
        foreach (var file in Directory.EnumerateFiles(whole.Out, "pytorch_model*.bin", SearchOption.AllDirectories))
            Assert.Equal(File.ReadAllBytes(file), File.ReadAllBytes(Path.Combine(parts.Out, Path.GetRelativePath(whole.Out, file))));
    }

    [Fact]
    public void Finished_run_is_not_started_again_unasked()
    {
        using var folder = new TemporaryFolder();
        var order = Order(Path.Combine(folder.Path, "model"));
        BlankCheckpoint.Write(order.Out, Small, 1);
        Assert.Throws<RunExistsException>(() => PretrainRun.Run(order, TextWriter.Null, CancellationToken.None));
    }

    [Fact]
    public void Tower_learns()
    {
        using var folder = new TemporaryFolder();
        using var tower = new ClipVisionTower(Small.Tower, Small.VisionLayers, false, new Placement(ScalarType.Float32, CPU));
        Initialisation.Fill(tower.named_parameters(), 1);
        using var objective = new TowerObjective(tower, new ImagePreprocessor(32, [0.48f, 0.46f, 0.41f], [0.27f, 0.26f, 0.28f]), scenesPerBatch: 4, seed: 1);
        var losses = new List<double>();
        using var run = new TrainingRun(objective, new() { Steps = 60, LearningRate = 3e-3, Seed = 1 }, new(folder.Path, 0, 20));
        run.Run(report => losses.Add(report.Loss), CancellationToken.None);
        Assert.True(losses[^1] < losses[0] / 2, string.Join(' ', losses));
    }

    [Fact]
    public void Joined_readings_are_one_after_the_other()
    {
        using var folder = new TemporaryFolder();
        BlankCheckpoint.Write(folder.Path, Small, 1);
        using var model = LlamaVidModel.Load(new() { Path = folder.Path, Dtype = ModelDtype.Float32, Device = "cpu" });
        using var scope = NewDisposeScope();
        var (seen, context) = (new Reading(randn(Concepts.Count, 32), randn(Concepts.Count)), new Reading(randn(32, Concepts.Count), randn(32)));
        Reading.Join(seen, context, model);

        var parameters = model.Parameters.ToDictionary(item => item.Name, item => (Tensor)item.Value);
        var feature = randn(5, 32);
        var expected = nn.functional.linear(nn.functional.linear(feature, seen.Weight, seen.Bias), context.Weight, context.Bias);
        var joined = nn.functional.linear(feature, parameters["model.vlm_att_val_projector.weight"], parameters["model.vlm_att_val_projector.bias"]);
        Assert.True(joined.allclose(expected, rtol: 1e-3, atol: 1e-3));
    }

    [Fact]
    public async Task Steps_below_one_are_refused_in_one_line()
    {
        var error = new StringWriter();
        Assert.Equal(1, await TrainingCommand.RunAsync(["pretrain", "--out", "x", "--tower-steps", "0"], TextWriter.Null, error, CancellationToken.None));
        Assert.Contains("--tower-steps is 0", error.ToString(), StringComparison.Ordinal);
        Assert.False(Directory.Exists("x"));
    }

    private static PretrainOrder Order(string folder) => new(folder)
    {
        Sizes = Small, TowerSteps = 2, TextSteps = 2, LanguageSteps = 2, ContentSteps = 2, TowerScenes = 1, TextScenes = 1, Lessons = 2,
    };
}
