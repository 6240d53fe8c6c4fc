using BenchmarkDotNet.Attributes;
using LlamaVid.Model.Vision;

namespace LlamaVid.Benchmarks.Kernels;

/// <summary>One frame from its pixels to the tower's square.</summary>
public sealed class Preparing
{
    private readonly ImagePreprocessor _preprocessor = new(224, [0.5f, 0.5f, 0.5f], [0.5f, 0.5f, 0.5f]);
    private readonly byte[] _square = new byte[3 * 224 * 224];
    private byte[] _frame = [];
    private int _width, _height;

    [Params("1920x1080", "640x360")]
    public string Size { get; set; } = "";

    [GlobalSetup]
    public void Make()
    {
        (_width, _height) = Size.Split('x').Select(int.Parse).ToArray() is [var width, var height] ? (width, height) : default;
        _frame = new byte[3 * _width * _height];
        new Random(1).NextBytes(_frame);
    }

    [Benchmark]
    public void Cut() => _preprocessor.Prepare(_frame, _width, _height, ImageFit.Crop, _square);
}
