using LlamaVid.Model.Weights;
using TorchSharp;

namespace LlamaVid.Tests.Model.Weights;

/// <summary>Opens checkpoints the way the tests look at them.</summary>
internal static class Checkpoints
{
    public static CheckpointException Refuses(byte[] file, string name = "file.bin")
    {
        using var folder = new TemporaryFolder();
        var path = folder.Write(name, file);
        return Assert.Throws<CheckpointException>(() => CheckpointReader.Open(path).Dispose());
    }

    /// <summary>One tensor's values as float32, or as they are when they are whole numbers.</summary>
    public static torch.Tensor Read(this CheckpointReader reader, string name, torch.ScalarType? dtype = null)
    {
        var entry = reader.Tensors[name];
        var wanted = dtype ?? (entry.Dtype is torch.ScalarType.Int64 ? torch.ScalarType.Int64 : torch.ScalarType.Float32);
        var tensor = torch.empty([.. entry.Shape], wanted);
        reader.CopyTo(name, tensor);
        return tensor;
    }

    public static float[] Floats(byte[] file, string name)
    {
        using var folder = new TemporaryFolder();
        using var reader = CheckpointReader.Open(folder.Write("file.bin", file));
        using var tensor = reader.Read(name);
        return tensor.data<float>().ToArray();
    }
}
