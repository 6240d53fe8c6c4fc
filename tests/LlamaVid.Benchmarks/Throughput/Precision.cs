using System.Text.Json.Serialization;
using LlamaVid.Model;
using LlamaVid.Model.Layers;
using TorchSharp;

namespace LlamaVid.Benchmarks.Throughput;

/// <summary>One way of keeping and multiplying weights that a user can choose, and what the machine could do with it at best.</summary>
/// <param name="Name">in documents and on the command line</param>
/// <param name="WeightBytes">of a weight in the decoder's layers, scales included</param>
/// <param name="HeadBytes">of a weight in the output layer</param>
internal sealed record Precision(string Name, ModelDtype Dtype, Quantization Quantization, double WeightBytes, double HeadBytes)
{
    private const double GroupScales = 4.0 / 128;                           // two of 16 bits for each 128 weights

    public static readonly IReadOnlyList<Precision> All =
    [
        new("bf16", ModelDtype.BFloat16, Quantization.None, 2, 2), new("int8", ModelDtype.BFloat16, Quantization.Int8, 1, 1),
        new("int4", ModelDtype.BFloat16, Quantization.Int4, 0.5 + GroupScales, 1), new("f32", ModelDtype.Float32, Quantization.None, 4, 4),
    ];

    public static Precision Of(string name) => All.FirstOrDefault(precision => precision.Name == name)
        ?? throw new BenchmarkException($"'{name}' is no precision; precisions are {string.Join(", ", All.Select(precision => precision.Name))}.");

    public ModelOptions Model(string path) => new() { Path = path, Dtype = Dtype, Quantization = Quantization, Device = "cpu" };

    /// <summary>Of the tower, whose products have many rows.</summary>
    [JsonIgnore]
    public Placement TowerPlacement => Devices.Choose(Model(""))[0].AtLeastInt8;

    /// <summary>What one step of decoding has to read.</summary>
    public double BytesPerStep(BenchShape shape) => shape.PromptWeights * WeightBytes + (double)(shape.MultipliedWeights - shape.PromptWeights) * HeadBytes;

    /// <summary>Of 10⁹ operations per second. 4-bit weights are multiplied as bytes.</summary>
    public double Peak(Ceilings ceilings) => Name switch
    {
        "f32" => ceilings.F32GflopS,
        "int8" or "int4" => ceilings.Int8GopS,
        _ => ceilings.Bf16GflopS,
    };
}
