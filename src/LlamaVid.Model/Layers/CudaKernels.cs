namespace LlamaVid.Model.Layers;

/// <summary>Products of integers on CUDA: operators of <c>aten</c> that TorchSharp does not bind, called as those of <see cref="OneDnn"/> are.</summary>
/// <remarks>Written by reading and not run on a GPU. The product of 8-bit integers also exists on CPUs, where it is tested.</remarks>
internal static class CudaKernels
{
    /// <summary>cuBLASLt takes more than 16 rows, in whole tiles.</summary>
    private const int FewestRows = 32;

    private const string Code = """
        class M(Module):
          __parameters__ = []
          __buffers__ = []
          def multiply_int8(self: __torch__.M, x: Tensor, weight: Tensor) -> Tensor:
            return torch._int_mm(x, torch.t(weight))
          def pack_int4(self: __torch__.M, pairs: Tensor) -> Tensor:
            return torch._convert_weight_to_int4pack(pairs, 8)
          def multiply_int4(self: __torch__.M, x: Tensor, weight: Tensor, group: int, scales: Tensor) -> Tensor:
            return torch._weight_int4pack_mm(x, weight, group, scales)

        """;

    private static readonly Scalar Sixteen = 16.ToScalar();
    private static readonly torch.jit.ScriptModule Module = torch.jit.load(TorchScriptArchive.Of(Code));

    /// <param name="rows">[M, inputs] int8</param>
    /// <param name="weight">[outputs, inputs] int8; both numbers are multiples of 8</param>
    /// <returns>[M, outputs] int32</returns>
    public static Tensor MultiplyInt8(Tensor rows, Tensor weight)
    {
        var count = rows.shape[0];
        if (count >= FewestRows) return Call("multiply_int8", rows, weight);
        return Call("multiply_int8", functional.pad(rows, [0, 0, 0, FewestRows - count]), weight).narrow(0, 0, count);
    }

    /// <param name="steps">[outputs, inputs] int32 from 0 to 15; outputs in eights, inputs in 128s</param>
    public static Tensor PackInt4(Tensor steps)
    {
        var (even, odd) = (steps.slice(1, 0, steps.shape[1], 2), steps.slice(1, 1, steps.shape[1], 2));
        return Call("pack_int4", even.mul(Sixteen).add_(odd, Scalars.One).to(ScalarType.Byte));
    }

    /// <param name="rows">[M, inputs] bfloat16</param>
    public static Tensor MultiplyInt4(Tensor rows, Tensor weight, int group, Tensor scales) => Call("multiply_int4", rows, weight, group, scales);

    private static Tensor Call(string name, params object?[] arguments) => (Tensor)Module.invoke(name, arguments!);
}
