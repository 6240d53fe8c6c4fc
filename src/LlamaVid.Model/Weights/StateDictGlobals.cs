namespace LlamaVid.Model.Weights;

/// <summary>
/// The only globals that a pickle of tensors may name, and what calling each makes: plain values of ours. Every other name is refused, so
/// nothing from a file is ever run.
/// </summary>
internal static class StateDictGlobals
{
    private const string FromType = "torch._tensor._rebuild_from_type_v2";

    private static readonly HashSet<string> Known =
    [
        "collections.OrderedDict", "torch.Size", "torch.device", "torch.Tensor", "torch.nn.parameter.Parameter",
        "torch._utils._rebuild_tensor", "torch._utils._rebuild_tensor_v2", "torch._utils._rebuild_tensor_v3",
        "torch._utils._rebuild_parameter", "torch._utils._rebuild_parameter_with_state", FromType,
    ];

    private static readonly HashSet<string> Untyped =
    [
        "torch.UntypedStorage", "torch.storage.UntypedStorage", "torch.storage._UntypedStorage",
        "torch.TypedStorage", "torch.storage.TypedStorage", "torch.storage._TypedStorage",
    ];

    public static bool Contains(string name) => Known.Contains(name) || Untyped.Contains(name) || Dtypes.FromTorch(name) is not null;

    /// <summary>The value of <c>callable(*arguments)</c>; null when this callable takes no such arguments.</summary>
    public static object? Call(PickledGlobal callable, object?[] arguments) => (callable.Name, arguments) switch
    {
        ("collections.OrderedDict", []) => new PickledDict(),
        ("torch.Size", [object?[] sizes]) => sizes,
        ("torch.device", [string, ..]) => callable,
        ("torch._utils._rebuild_tensor", [PickledStorage storage, long offset, object?[] shape, object?[] strides])
            => Tensor(storage, storage.Dtype, offset, shape, strides),
        ("torch._utils._rebuild_tensor_v2", [PickledStorage storage, long offset, object?[] shape, object?[] strides, _, _, ..])
            => Tensor(storage, storage.Dtype, offset, shape, strides),
        ("torch._utils._rebuild_tensor_v3", [PickledStorage storage, long offset, object?[] shape, object?[] strides, _, _, PickledGlobal dtype, ..])
            => Tensor(storage, Dtypes.FromTorch(dtype.Name), offset, shape, strides),
        ("torch._utils._rebuild_parameter" or "torch._utils._rebuild_parameter_with_state", [PickledTensor data, ..]) => data,
        (FromType, [PickledGlobal { Name: not FromType } make, PickledGlobal, object?[] inner, ..]) => Call(make, inner) as PickledTensor,
        _ => null,
    };

    /// <summary>The storage behind a persistent id <c>("storage", class, key, location, count)</c>; null when it is not one.</summary>
    public static PickledStorage? Storage(object? id)
    {
        if (id is not (object?[] and ["storage", PickledGlobal type, string key, string, long count, ..]) || count < 0) return null;
        var dtype = Dtypes.FromTorch(type.Name);
        return dtype is not null || Untyped.Contains(type.Name) ? new(key, dtype, count) : null;
    }

    private static PickledTensor? Tensor(PickledStorage storage, ScalarType? dtype, long offset, object?[] shape, object?[] strides) =>
        dtype is { } known && shape.Length <= StoredTensor.MaxRank && strides.Length <= StoredTensor.MaxRank
        && shape.All(size => size is long) && strides.All(stride => stride is long)
            ? new(storage, known, offset, [.. shape.Cast<long>()], [.. strides.Cast<long>()]) : null;
}
