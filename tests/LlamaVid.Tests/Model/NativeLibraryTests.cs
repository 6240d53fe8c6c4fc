using System.Runtime.CompilerServices;
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

    /// <summary>
    /// The net under every temporary scalar: the library's own code lets scalars go while a native call still reads them, so their memory must never
    /// be used again. An unpatched library hands the same few addresses out over and over.
    /// </summary>
    [Fact]
    public void Memory_of_a_scalar_is_never_used_for_another()
    {
        var handles = new HashSet<IntPtr>();
        for (var i = 0; i < 1000; i++)
        {
            using var scalar = 1f.ToScalar();
            Assert.True(handles.Add(Handle(scalar)), $"scalar {i} got the memory of an earlier one");
        }

        [UnsafeAccessor(UnsafeAccessorKind.Field, Name = "handle")]
        static extern ref IntPtr Handle(Scalar scalar);
    }
}
