using TorchSharp;

namespace LlamaVid.Tests.Model;

public sealed class NativeLibraryTests
{
    [Fact]
    public void Native_library_loads_and_computes()
    {
        using var sum = torch.tensor([1f, 2f]).sum();
        Assert.Equal(3f, sum.item<float>());
    }
}
