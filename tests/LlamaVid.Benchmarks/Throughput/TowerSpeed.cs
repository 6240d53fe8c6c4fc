using System.Diagnostics;
using LlamaVid.Benchmarks.Measures;
using LlamaVid.Model.Layers;
using LlamaVid.Model.Vision;
using TorchSharp;

namespace LlamaVid.Benchmarks.Throughput;

/// <summary>The vision tower alone, on pictures of noise.</summary>
/// <param name="FramesS">frames per second</param>
/// <param name="OfPeak">share of the machine's matrix products, as measured in the same run</param>
internal sealed record TowerSpeed(double FramesS, double OfPeak, Repeated Spread)
{
    private const int Batch = 16;

    /// <param name="peak">GFLOP/s in <paramref name="dtype"/></param>
    public static async Task<TowerSpeed> MeasureAsync(string model, BenchShape shape, torch.ScalarType dtype, double peak, EngineOrder order)
    {
        using var inference = torch.inference_mode();
        using var tower = EvaVisionTower.Load(Path.Combine(model, "eva_vit_g.pth"), BenchShape.ImageSize, new Placement(dtype, torch.CPU));
        using var pixels = torch.randn([Batch, 3, BenchShape.ImageSize, BenchShape.ImageSize]).to(dtype);
        var rate = await Repeated.MeasureAsync(order.Runs, _ =>
        {
            var begin = Stopwatch.GetTimestamp();
            tower.call(pixels).Dispose();
            return Task.FromResult(Batch / Stopwatch.GetElapsedTime(begin).TotalSeconds);
        });
        return new(rate.Median, rate.Median * shape.TowerFlopsPerFrame / 1e9 / peak, rate);
    }
}
