namespace LlamaVid.Model.Weights;

/// <summary>The value types that checkpoints hold, by the names that the two formats give them.</summary>
internal static class Dtypes
{
    public static ScalarType? FromSafetensors(string name) => name switch
    {
        "F64" => ScalarType.Float64,
        "F32" => ScalarType.Float32,
        "F16" => ScalarType.Float16,
        "BF16" => ScalarType.BFloat16,
        "I64" => ScalarType.Int64,
        "I32" => ScalarType.Int32,
        "I16" => ScalarType.Int16,
        "I8" => ScalarType.Int8,
        "U8" => ScalarType.Byte,
        "BOOL" => ScalarType.Bool,
        _ => null,
    };

    /// <param name="name">Of a storage class such as <c>torch.HalfStorage</c> or of a dtype such as <c>torch.float16</c>.</param>
    public static ScalarType? FromTorch(string name) => name switch
    {
        "torch.DoubleStorage" or "torch.float64" or "torch.double" => ScalarType.Float64,
        "torch.FloatStorage" or "torch.float32" or "torch.float" => ScalarType.Float32,
        "torch.HalfStorage" or "torch.float16" or "torch.half" => ScalarType.Float16,
        "torch.BFloat16Storage" or "torch.bfloat16" => ScalarType.BFloat16,
        "torch.LongStorage" or "torch.int64" or "torch.long" => ScalarType.Int64,
        "torch.IntStorage" or "torch.int32" or "torch.int" => ScalarType.Int32,
        "torch.ShortStorage" or "torch.int16" or "torch.short" => ScalarType.Int16,
        "torch.CharStorage" or "torch.int8" => ScalarType.Int8,
        "torch.ByteStorage" or "torch.uint8" => ScalarType.Byte,
        "torch.BoolStorage" or "torch.bool" => ScalarType.Bool,
        _ => null,
    };

    public static int SizeOf(ScalarType dtype) => dtype switch
    {
        ScalarType.Float64 or ScalarType.Int64 => 8,
        ScalarType.Float32 or ScalarType.Int32 => 4,
        ScalarType.Float16 or ScalarType.BFloat16 or ScalarType.Int16 => 2,
        _ => 1,
    };

    /// <summary>No conversion may drop a fraction or a high digit of a whole number.</summary>
    public static bool CanBecome(ScalarType stored, ScalarType wanted) =>
        stored == wanted || IsFloating(wanted) || (wanted == ScalarType.Int64 && !IsFloating(stored));

    private static bool IsFloating(ScalarType dtype) =>
        dtype is ScalarType.Float64 or ScalarType.Float32 or ScalarType.Float16 or ScalarType.BFloat16;
}
