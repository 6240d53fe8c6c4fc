namespace LlamaVid.Model.Weights;

/// <summary>One checkpoint: a single .bin/.pth/.safetensors file, or a directory with an index or one weight file.</summary>
public sealed class CheckpointReader : IDisposable
{
    private CheckpointReader(IReadOnlyDictionary<string, TensorEntry> tensors) => Tensors = tensors;

    public static CheckpointReader Open(string fileOrDirectory) => throw new NotImplementedException(fileOrDirectory);

    public IReadOnlyDictionary<string, TensorEntry> Tensors { get; }

    /// <summary>Straight from the file into <paramref name="destination"/> (same shape, any dtype and device), converting on the way.</summary>
    public void CopyTo(string name, Tensor destination) => throw new NotImplementedException(Tensors[name] + destination.ToString());

    public void Dispose() { }
}
