using LlamaVid.Model;
using LlamaVid.Model.Weights;
using LlamaVid.Training.Checkpoints;

namespace LlamaVid.Training.Stages;

/// <summary>
/// The official result of the first stage, <c>mm_projector.bin</c>: every parameter between the tower and the language model, under its full
/// name.
/// </summary>
internal static class Projector
{
    public const string FileName = "mm_projector.bin";

    /// <exception cref="NotRepresentableException">A value is not finite in <paramref name="dtype"/>.</exception>
    public static void Write(string folder, LlamaVidModel model, ScalarType dtype) =>
        CheckpointWriter.WriteTorch(Path.Combine(folder, FileName),
            model.Parameters.Where(item => Belongs(item.Name)).Select(item => (item.Name, (Tensor)item.Value)), dtype);

    /// <summary>Puts a file's tensors in the place of the model's.</summary>
    /// <exception cref="CheckpointException">It lacks one, has another, or one of another shape.</exception>
    public static void Read(string file, LlamaVidModel model)
    {
        using var noGrad = no_grad();
        using var reader = CheckpointReader.Open(file);
        var wanted = model.Parameters.Where(item => Belongs(item.Name)).ToArray();
        var names = wanted.Select(item => item.Name).ToHashSet();
        if (reader.Tensors.Keys.FirstOrDefault(name => !names.Contains(name)) is { } surplus)
            throw new CheckpointException(file, $"tensor \"{surplus}\" has no place in this model; it is another model's first stage.");
        foreach (var (name, value) in wanted)
            if (reader.Tensors.ContainsKey(name)) reader.CopyTo(name, value);
            else throw new CheckpointException(file, $"there is no tensor \"{name}\"; it is another model's first stage.");
    }

    private static bool Belongs(string name) =>
        name.Contains("mm_projector", StringComparison.Ordinal) || name.Contains("vlm_att", StringComparison.Ordinal);
}
