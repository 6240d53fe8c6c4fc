namespace LlamaVid.Model.Weights;

/// <summary>What a checkpoint says about one tensor; its values stay in the file until they are copied.</summary>
/// <param name="Name">The full name in the checkpoint, for instance <c>model.layers.0.self_attn.q_proj.weight</c>.</param>
/// <param name="Shape">Sizes, outermost first; empty for a scalar.</param>
/// <param name="Dtype">The type of the values in the file.</param>
/// <param name="File">The file that holds them.</param>
public sealed record TensorEntry(string Name, IReadOnlyList<long> Shape, ScalarType Dtype, string File);
