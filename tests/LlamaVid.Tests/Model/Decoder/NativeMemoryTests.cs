using LlamaVid.Model.Decoder;
using static TorchSharp.torch;

namespace LlamaVid.Tests.Model.Decoder;

/// <summary>What runs in every layer of every step must lose nothing: some calls of TorchSharp lose about a hundred bytes each time (<c>Tensor.chunk</c>).</summary>
[Collection(AloneCollection.Name)]
public sealed class NativeMemoryTests
{
    private const int Times = 50_000;

    [Fact]
    public void Rotation_loses_no_native_memory()
    {
        using var inference = inference_mode();
        using Tensor x = randn(1, 4, 16), cos = randn(1, 1, 16), sin = randn(1, 1, 16);
        Rotate();
        var before = NativeMemory.InUse();
        Rotate();
        Assert.InRange(NativeMemory.InUse() - before, long.MinValue, 20 * Times);

        void Rotate()
        {
            for (var i = 0; i < Times; i++)
                using (NewDisposeScope())
                    RotaryTable.Rotate(x, cos, sin);
        }
    }
}
