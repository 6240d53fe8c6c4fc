using BenchmarkDotNet.Attributes;
using LlamaVid.Model.Layers;
using TorchSharp;

namespace LlamaVid.Benchmarks.Kernels;

/// <summary>One linear layer in each form of its weight; also at sizes that no kernel is made for.</summary>
public sealed class LinearProducts : IDisposable
{
    private Linear _layer = null!;
    private torch.Tensor _rows = null!;

    [Params(1, 16, 512)]
    public int Rows { get; set; }

    [Params("2048x5632", "1000x3001")]
    public string Sizes { get; set; } = "";

    [Params("Plain", "BFloat16", "Int8", "Int4")]
    public string Form { get; set; } = "";

    [GlobalSetup]
    public void Make()
    {
        var sizes = Sizes.Split('x').Select(long.Parse).ToArray();
        var placement = new Placement(torch.ScalarType.BFloat16, torch.CPU, Enum.Parse<WeightForm>(Form));
        _layer = new(sizes[0], sizes[1], placement, hasBias: false);
        using (torch.no_grad()) _layer.weight.copy_(torch.randn_like(_layer.weight));
        _layer.Pack(_layer.weight);
        _rows = torch.randn([Rows, sizes[0]]).to(placement.Dtype);
    }

    [Benchmark]
    public void Multiply()
    {
        using var inference = torch.inference_mode();
        _layer.call(_rows).Dispose();
    }

    [GlobalCleanup]
    public void Dispose()
    {
        _rows.Dispose();
        _layer.Dispose();
    }
}
