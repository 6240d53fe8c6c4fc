using LlamaVid.Model.Weights;

namespace LlamaVid.Training.Data;

/// <summary>
/// What the vision tower made of one picture or video, which is computed once because no stage trains the tower. Held in memory, or left in a
/// file.
/// </summary>
internal sealed class Features : IDisposable
{
    private const string Name = "feats";

    private readonly Tensor? _held;
    private readonly string? _file;
    private readonly long[] _shape;

    private Features(Tensor? held, string? file, long[] shape) => (_held, _file, _shape) = (held, file, shape);

    /// <summary>T.</summary>
    public int Frames => (int)_shape[0];

    /// <param name="values">[T, N, C]; becomes this object's own</param>
    public static Features Of(Tensor values) => new(values.DetachFromDisposeScope(), null, values.shape);

    /// <summary>Features that lie in a safetensors file as <c>feats</c> [T, N, C]; they are read whenever they are used.</summary>
    /// <exception cref="SampleFault">There is no such tensor, or it is not C wide.</exception>
    public static Features At(string file, int width)
    {
        if (!File.Exists(file)) throw new SampleFault($"{file} does not exist.");
        using var reader = CheckpointReader.Open(file);
        if (!reader.Tensors.TryGetValue(Name, out var entry) || entry.Shape is not [> 0, > 1, var columns] || columns != width)
            throw new SampleFault($"{file} has no tensor \"{Name}\" of the shape [frames, tokens with the class token, {width}].");
        return new(null, file, [.. entry.Shape]);
    }

    /// <summary>Writes what <see cref="At"/> reads.</summary>
    public static void Write(string file, Tensor values) => Loop.TensorFile.Write(file, [(Name, values)]);

    /// <summary>
    /// What is said in a movie: the text <c>inputs</c> of its file (bytes of UTF-8), or one <c>&lt;image&gt;</c> per frame where it has none.
    /// </summary>
    public string Inputs()
    {
        using var reader = _file is null ? null : CheckpointReader.Open(_file);
        if (reader is null || !reader.Tensors.TryGetValue("inputs", out var entry)) return string.Concat(Enumerable.Repeat("<image>", Frames));
        if (entry is not { Shape: [_], Dtype: ScalarType.Byte }) throw new SampleFault($"{_file}: \"inputs\" is not a row of bytes (UTF-8).");
        using var bytes = empty([.. entry.Shape], ScalarType.Byte);
        reader.CopyTo("inputs", bytes);
        return System.Text.Encoding.UTF8.GetString(bytes.bytes);
    }

    /// <returns>[T, N, C], or without the class token that comes first in every frame</returns>
    public Tensor Read(ScalarType dtype, Device device, bool cutsFirst)
    {
        using var scope = NewDisposeScope();
        var values = _held ?? FromFile(dtype);
        if (cutsFirst) values = values.narrow(1, 1, values.shape[1] - 1);
        return values.to(dtype, device).alias().MoveToOuterDisposeScope();
    }

    private Tensor FromFile(ScalarType dtype)
    {
        using var noGrad = no_grad();
        using var reader = CheckpointReader.Open(_file!);
        var values = empty(_shape, dtype);
        reader.CopyTo(Name, values);
        return values;
    }

    public void Dispose() => _held?.Dispose();
}
