using BenchmarkDotNet.Attributes;
using LlamaVid.Engine;

namespace LlamaVid.Benchmarks.Kernels;

/// <summary>One token from the logits of a vocabulary of 32,000.</summary>
public sealed class Drawing
{
    private const int Vocabulary = 32_000;

    private readonly float[] _logits = new float[Vocabulary];
    private Sampler _sampler = null!;

    [Params("greedy", "temperature", "top_k", "top_p")]
    public string Way { get; set; } = "";

    [GlobalSetup]
    public void Make()
    {
        var random = new Random(1);
        foreach (ref var logit in _logits.AsSpan()) logit = (float)(8 * random.NextDouble() + 8 * Math.Pow(random.NextDouble(), 8));
        _sampler = new(Way switch
        {
            "greedy" => new() { Temperature = 0 },
            "temperature" => new() { Temperature = 0.7, TopK = 0 },
            "top_k" => new() { Temperature = 0.7, TopK = 50 },
            _ => new() { Temperature = 0.7, TopK = 0, TopP = 0.9 },
        });
    }

    [Benchmark]
    public int Next() => _sampler.Next(_logits);
}
