using LlamaVid.Model;
using LlamaVid.Model.Decoder;
using LlamaVid.Model.Layers;
using LlamaVid.Model.Tokens;
using LlamaVid.Model.Vision;
using TorchSharp;

namespace LlamaVid.Tests.Model;

/// <summary>The modules at the official sizes have exactly the tensors of the official checkpoints, by name and shape. Nothing is allocated.</summary>
[Collection(AloneCollection.Name)]
public sealed class OfficialShapesTests
{
    [Theory]
    [InlineData("7b", 4096, 11008, 32)]
    [InlineData("13b", 5120, 13824, 40)]
    public void Modules_have_the_official_names_and_shapes(string size, int hidden, int intermediate, int layers)
    {
        var expected = File.ReadAllLines(Shared.Path($"reference/official_tensors_{size}.txt"))
            .Where(line => !line.StartsWith("model.vision_tower.", StringComparison.Ordinal))
            .Select(line => line[..(line.LastIndexOf(']') + 1)]).Order(StringComparer.Ordinal);

        using var scope = torch.NewDisposeScope();
        var decoder = new LlamaForCausalLm(new(hidden, intermediate, layers, hidden / 128, hidden / 128, 32000, 4096, 1e-5, 10000, 1), new((Placement.Meta, layers)));
        var tokens = new FrameTokenizer(Vision, new(768, 3072, 12, 30523, 512, 1408, 32), hidden, Placement.Meta);
        var actual = Shapes("", decoder).Concat(Shapes("model.", tokens)).Order(StringComparer.Ordinal);

        Assert.Equal(expected, actual);
    }

    private static VisionConfig Vision { get; } = new()
    {
        TowerPath = "eva", ImageProcessorPath = "", Kind = VisionTowerKind.Eva, SelectLayer = -2, HiddenSize = 1408, TextDecoder = TextDecoderKind.QFormer,
        IsPretrained = true, QueryCount = 32, Pooling = new FramePooling.Mean(), ProjectorDepth = 2, IsProjectorNumbered = true, ImageFit = ImageFit.Pad,
        UsesStartEnd = false, UsesPatchToken = false,
    };

    private static IEnumerable<string> Shapes(string prefix, torch.nn.Module module) =>
        module.state_dict().Select(entry => $"{prefix}{entry.Key} [{string.Join(", ", entry.Value.shape)}]");
}
