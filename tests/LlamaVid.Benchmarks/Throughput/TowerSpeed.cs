using System.Diagnostics;
using LlamaVid.Benchmarks.Measures;
using LlamaVid.Model.Layers;
using LlamaVid.Model.Vision;
using LlamaVid.Training.Pretraining;
using TorchSharp;

namespace LlamaVid.Benchmarks.Throughput;

/// <summary>The vision tower alone, with random weights, on pictures of noise.</summary>
/// <param name="FramesS">frames per second</param>
/// <param name="OfPeak">share of the machine's matrix products, as measured in the same run</param>
internal sealed record TowerSpeed(double FramesS, double OfPeak, Repeated Spread)
{
    private const int Batch = 4;
    private const long Seed = 1;

    /// <param name="peak">10⁹ operations per second</param>
    public static async Task<TowerSpeed> MeasureAsync(BenchShape shape, Placement placement, double peak, int runs)
    {
        using var inference = torch.inference_mode();
        using var tower = new EvaVisionTower(shape.Tower, BenchShape.ImageSize, placement);
        Initialisation.Fill(tower.named_parameters(), Seed);
        foreach (var layer in tower.modules().OfType<Linear>()) layer.Pack(layer.weight);
        using var pixels = torch.randn([Batch, 3, BenchShape.ImageSize, BenchShape.ImageSize]).to(placement.Dtype);
        var rate = await Repeated.MeasureAsync(runs, _ =>
        {
            var begin = Stopwatch.GetTimestamp();
            tower.call(pixels).Dispose();
            return Task.FromResult(Batch / Stopwatch.GetElapsedTime(begin).TotalSeconds);
        });
        return new(rate.Median, rate.Median * shape.TowerFlopsPerFrame / 1e9 / peak, rate);
    }
}
