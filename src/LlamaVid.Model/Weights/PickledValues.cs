namespace LlamaVid.Model.Weights;

/// <summary>A class or function that a pickle names. Naming runs nothing; <see cref="StateDictGlobals"/> says what calling it makes.</summary>
internal sealed record PickledGlobal(string Name);

/// <summary>The values of one or more tensors: the entry <c>data/Key</c> of the archive.</summary>
/// <param name="Key">The entry's name.</param>
/// <param name="Dtype">Null for an untyped storage, whose <paramref name="Count"/> is in bytes.</param>
/// <param name="Count">Number of values.</param>
internal sealed record PickledStorage(string Key, ScalarType? Dtype, long Count);

/// <summary>A view of a storage: index of its first value, sizes and distances in values.</summary>
internal sealed record PickledTensor(PickledStorage Storage, ScalarType Dtype, long Offset, long[] Shape, long[] Strides);

/// <summary>A dict in the order of the file. Keys are not compared, so unusual keys cost nothing.</summary>
internal sealed class PickledDict
{
    public List<(object? Key, object? Value)> Items { get; } = [];
}
