namespace LlamaVid.Model.Weights;

/// <summary>Strict both ways: every parameter and buffer is filled exactly once, every tensor is claimed or ignored by name.</summary>
public sealed class WeightLoader(CheckpointReader reader)
{
    /// <param name="module">Its parameters and persistent buffers are filled.</param>
    /// <param name="prefix">Put before the module's names, for instance <c>"model.mm_projector."</c>.</param>
    /// <param name="optional">Given a full checkpoint name: may it be absent from the file? It is then left as constructed.</param>
    public void Fill(nn.Module module, string prefix, Func<string, bool>? optional = null) =>
        throw new NotImplementedException(prefix + module + optional + reader);

    /// <summary>Tensors that the official loader does not read either.</summary>
    public void Ignore(Func<string, bool> names) => throw new NotImplementedException(names.ToString());

    /// <exception cref="CheckpointException">Lists what nobody claimed.</exception>
    public void RequireAllClaimed() => throw new NotImplementedException();
}
