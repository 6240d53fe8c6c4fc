namespace LlamaVid.Model.Layers;

/// <summary>Products with packed weights: operators of libtorch that TorchSharp does not bind, called through a TorchScript module without state.</summary>
/// <remarks>Operators outside <c>aten</c> can be named in a TorchScript archive only, hence the archive (docs/decisions/0023).</remarks>
internal static class OneDnn
{
    /// <summary>Rows that a packed bfloat16 weight is ordered for. 1 serves 1 to 512 rows alike; 256 is slower between 16 and 64.</summary>
    private const int ExpectedRows = 1;

    private const string Code = """
        class M(Module):
          __parameters__ = []
          __buffers__ = []
          def reorder(self: __torch__.M, weight: Tensor, rows: int) -> Tensor:
            return ops.mkldnn._reorder_linear_weight(weight, rows)
          def multiply(self: __torch__.M, x: Tensor, weight: Tensor, bias: Optional[Tensor]) -> Tensor:
            return ops.mkldnn._linear_pointwise(x, weight, bias, "none", annotate(List[Optional[number]], []), "")
          def address(self: __torch__.M, weight: Tensor) -> int:
            return ops.mkldnn.data_ptr(weight)
          def bytes(self: __torch__.M, weight: Tensor) -> int:
            return ops.mkldnn._nbytes(weight)
          def pack_int8(self: __torch__.M, weight: Tensor) -> Tensor:
            return ops.onednn.qlinear_prepack(weight, None)
          def multiply_int8(self: __torch__.M, x: Tensor, x_scales: Tensor, weight: Tensor, scales: Tensor, zeros: Tensor, bias: Optional[Tensor]) -> Tensor:
            y = ops.onednn.qlinear_pointwise(x, 1.0, 128, weight, scales, zeros, None, 1.0, 0, 15, "none", annotate(List[Optional[number]], []), "")
            if torch.__is__(bias, None):
              z = torch.mul_(y, x_scales)
            else:
              z = torch.addcmul(unchecked_cast(Tensor, bias), y, x_scales)
            return z

        """;

    private static readonly torch.jit.ScriptModule Module = torch.jit.load(TorchScriptArchive.Of(Code));

    /// <param name="weight">[outputs, inputs] bfloat16</param>
    public static Tensor Reorder(Tensor weight) => Call("reorder", weight, ExpectedRows);

    public static Tensor Multiply(Tensor rows, Tensor weight, Tensor? bias) => Call("multiply", rows, weight, bias);

    /// <returns>where a reordered weight lies, and how many bytes it has, those included that fill it up</returns>
    public static (nint Address, long Bytes) Place(Tensor weight)
    {
        using var address = (Scalar)Module.invoke("address", weight);
        using var bytes = (Scalar)Module.invoke("bytes", weight);
        return ((nint)address.ToInt64(), bytes.ToInt64());
    }

    /// <param name="weight">[outputs, inputs] int8</param>
    public static Tensor PackInt8(Tensor weight) => Call("pack_int8", weight);

    /// <param name="rows">[M, inputs] bytes around 128</param>
    /// <param name="rowScales">[M, 1] bfloat16</param>
    /// <returns>[M, outputs] bfloat16</returns>
    public static Tensor Multiply(Tensor rows, Tensor rowScales, Tensor weight, Tensor scales, Tensor zeros, Tensor? bias) =>
        Call("multiply_int8", rows, rowScales, weight, scales, zeros, bias);

    private static Tensor Call(string name, params object?[] arguments) => (Tensor)Module.invoke(name, arguments!);
}
