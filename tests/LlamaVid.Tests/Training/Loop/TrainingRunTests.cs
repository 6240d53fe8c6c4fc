using System.Text.Json;
using LlamaVid.Model.Weights;
using LlamaVid.Tests.Model.Weights;
using LlamaVid.Training.Loop;
using TorchSharp;
using static TorchSharp.torch;

namespace LlamaVid.Tests.Training.Loop;

/// <summary>The generic loop: a run is a function of its plan, however often it was stopped.</summary>
public sealed class TrainingRunTests : IDisposable
{
    private static readonly TrainingPlan Plan = new() { Steps = 23, LearningRate = 0.05, Accumulate = 2, WeightDecay = 0.1, Seed = 11 };

    private readonly TemporaryFolder _folder = new();

    [Theory]
    [InlineData(1)]
    [InlineData(10)]
    [InlineData(22)]
    public void A_run_that_is_stopped_and_continued_gives_the_same_bits(long stopAt)
    {
        var whole = Run("whole", Plan);
        using (var stop = new CancellationTokenSource())
        {
            using var first = new SmallObjective(Plan.Accumulate) { Before = step => { if (step == stopAt - 1) stop.Cancel(); } };
            using var run = new TrainingRun(first, Plan, Files("cut"));
            Assert.Throws<OperationCanceledException>(() => run.Run(_ => { }, stop.Token));
            Assert.Equal(stopAt, run.Step);
        }
        Assert.Equal(whole, Run("cut", Plan, resume: true));
    }

    [Fact]
    public void A_run_that_dies_between_two_saved_states_goes_on_from_the_last_and_repeats_its_log()
    {
        var whole = Run("whole", Plan);
        using (var dying = new SmallObjective(Plan.Accumulate) { Before = step => { if (step == 17) throw new InvalidOperationException("killed"); } })
        {
            using var run = new TrainingRun(dying, Plan, Files("dead"));
            Assert.Throws<InvalidOperationException>(() => run.Run(_ => { }, TestContext.Current.CancellationToken));
        }
        File.AppendAllText(Files("dead").Log, "{\"step\":18,\"lo");
        Assert.Equal(whole, Run("dead", Plan, resume: true));
        Assert.Equal(Losses("whole"), Losses("dead"));
    }

    [Fact]
    public void Another_seed_is_another_run() => Assert.NotEqual(Run("a", Plan), Run("b", Plan with { Seed = 12 }));

    [Fact]
    public void A_folder_with_a_run_is_refused_unless_it_is_to_be_continued()
    {
        Run("run", Plan);
        var fault = Assert.Throws<RunExistsException>(() => Run("run", Plan));
        Assert.Equal(23, fault.Step);
        Assert.Contains("--resume", fault.Message);
    }

    [Fact]
    public void A_run_is_not_continued_with_another_plan()
    {
        Run("run", Plan);
        var fault = Assert.Throws<RunMismatchException>(() => Run("run", Plan with { LearningRate = 0.06 }, resume: true));
        Assert.Equal(("LearningRate", "0.05", "0.06"), (fault.What, fault.Stored, fault.Wanted));
    }

    [Fact]
    public void A_damaged_state_is_named_and_not_overwritten()
    {
        Run("run", Plan);
        var state = Files("run").State;
        var bytes = File.ReadAllBytes(state)[..^5];
        File.WriteAllBytes(state, bytes);
        var fault = Assert.Throws<CheckpointException>(() => Run("run", Plan, resume: true));
        Assert.Contains("state.safetensors", fault.Message);
        Assert.Equal(bytes, File.ReadAllBytes(state));
    }

    [Fact]
    public void A_loss_that_is_no_number_stops_the_run_and_keeps_the_state_before()
    {
        using (var diverging = new SmallObjective(Plan.Accumulate) { Factor = double.NaN.ToScalar() })
        {
            using var run = new TrainingRun(diverging, Plan, Files("run"));
            var fault = Assert.Throws<DivergedException>(() => run.Run(_ => { }, TestContext.Current.CancellationToken));
            Assert.Equal(0, fault.Step);
            Assert.Contains("--lr", fault.Message);
        }
        Assert.False(File.Exists(Files("run").State));
    }

    [Fact]
    public void Every_step_is_counted_in_the_log_once()
    {
        Run("run", Plan);
        var lines = File.ReadLines(Files("run").Log).Select(line => JsonDocument.Parse(line).RootElement).ToArray();
        Assert.Equal([4L, 5, 8, 10, 12, 15, 16, 20, 23], lines.Select(line => line.GetProperty("step").GetInt64()));
        Assert.All(lines, line => Assert.Equal(0.5, line.GetProperty("accuracy").GetDouble(), 9));
        Assert.Equal(0, lines[^1].GetProperty("lr").GetDouble(), 3);
        Assert.All(lines, line => Assert.Equal((1, 0), (line.GetProperty("kinds").GetProperty("even").GetDouble(), line.GetProperty("kinds").GetProperty("odd").GetDouble())));
    }

    [Fact]
    public void The_log_is_drawn_when_the_run_ends()
    {
        Run("run", Plan);
        Assert.Contains("<polyline", File.ReadAllText(Path.Combine(Files("run").Folder, "loss.svg")), StringComparison.Ordinal);
        var accuracy = File.ReadAllText(Path.Combine(Files("run").Folder, "accuracy.svg"));
        Assert.All(["all", "even", "odd"], kind => Assert.Contains($">{kind}<", accuracy, StringComparison.Ordinal));
    }

    [Fact]
    public void Accumulated_micro_batches_see_the_samples_of_one_large_batch()
    {
        Assert.Equal(Seen(1, 8).SelectMany(rows => rows), Seen(2, 4).SelectMany(rows => rows));

        static int[][] Seen(int accumulate, int batch)
        {
            var order = new EpochOrder(37, batch, accumulate);
            return [.. from step in Enumerable.Range(0, 12) from part in Enumerable.Range(0, accumulate) select order.At(step, part, 3)];
        }
    }

    [Fact]
    public void Every_epoch_has_every_sample_once_in_another_order()
    {
        var order = new EpochOrder(40, 4, 1);
        var epochs = Enumerable.Range(0, 3).Select(epoch => Enumerable.Range(0, 10).SelectMany(step => order.At(epoch * 10 + step, 0, 9)).ToArray()).ToArray();
        Assert.All(epochs, epoch => Assert.Equal(Enumerable.Range(0, 40), epoch.Order()));
        Assert.NotEqual(epochs[0], epochs[1]);
        Assert.Equal(epochs[1][..4], new EpochOrder(40, 4, 1).At(10, 0, 9));
    }

    [Fact]
    public void The_optimizer_is_torchs()
    {
        using var scope = NewDisposeScope();
        var (ours, theirs) = (new TorchSharp.Modules.Parameter(linspace(-1, 1, 12)), new TorchSharp.Modules.Parameter(linspace(-1, 1, 12)));
        using var optimizer = new AdamW([new("p", ours)], 0.2);
        using var reference = optim.AdamW([theirs], lr: 0.03, weight_decay: 0.2);
        for (var step = 0; step < 20; step++)
        {
            ours.grad = linspace(step - 9.0, 2, 12);
            theirs.grad = linspace(step - 9.0, 2, 12);
            optimizer.Step(0.03, step);
            reference.step();
        }
        TensorAssert.Close(theirs, ours, 1e-6);
    }

    [Fact]
    public void The_schedule_is_the_official_one()
    {
        var schedule = new CosineSchedule(0.001, 10, 0.03);
        Assert.Equal([0, 0.001, 0.0009698463103929542], Enumerable.Range(0, 3).Select(step => schedule.At(step)));
        Assert.Equal(0, schedule.At(10), 12);
        Assert.Equal(0.5, new CosineSchedule(1, 100, 0.1).At(5), 12);
    }

    [Fact]
    public void Steps_leave_no_tensor_behind()
    {
        using var objective = new SmallObjective();
        using var run = new TrainingRun(objective, Plan with { Accumulate = 1, Steps = 200 }, Files("run") with { CheckpointEvery = 0 });
        var counts = new List<long>();
        run.Run(_ => counts.Add(DisposeScopeManager.Statistics.ThreadTotalLiveCount), TestContext.Current.CancellationToken);
        Assert.Equal(counts[3], counts[^1]);
    }

    private RunFiles Files(string name) => new(Path.Combine(_folder.Path, name), CheckpointEvery: 4, LogEvery: 5);

    private byte[] Run(string name, TrainingPlan plan, bool resume = false)
    {
        using var objective = new SmallObjective(plan.Accumulate);
        using var run = new TrainingRun(objective, plan, Files(name) with { Resume = resume });
        run.Run(_ => { }, TestContext.Current.CancellationToken);
        return objective.Bits();
    }

    private string[] Losses(string name) =>
        [.. File.ReadLines(Files(name).Log).Select(line => JsonDocument.Parse(line).RootElement)
            .Select(line => $"{line.GetProperty("step")} {line.GetProperty("loss")} {line.GetProperty("grad_norm")}")];

    public void Dispose() => _folder.Dispose();
}
