namespace LlamaVid.Model.Weights;

/// <summary>Memory of one thread in which a weight lies between its file and its packed form. It is used again for the next one: the system's work for fresh pages costs more than the copy.</summary>
internal sealed class PackingRoom : IDisposable
{
    private Tensor? _values;

    /// <returns>of the shape and dtype of <paramref name="weight"/>, on the CPU; until the next call</returns>
    public Tensor For(Tensor weight)
    {
        var count = weight.numel();
        if (_values is null || _values.dtype != weight.dtype || _values.numel() < count)
        {
            _values?.Dispose();
            _values = torch.empty(count, weight.dtype, torch.CPU).DetachFromDisposeScope();
        }
        using var part = _values.narrow(0, 0, count);
        return part.view(weight.shape);
    }

    public void Dispose() => _values?.Dispose();
}
