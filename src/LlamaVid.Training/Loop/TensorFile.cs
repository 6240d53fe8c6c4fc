using System.Buffers.Binary;
using System.Text.Json;

namespace LlamaVid.Training.Loop;

/// <summary>Writes a safetensors file so that its name never stands for half a file: to a temporary name first, to the disk, then renamed.</summary>
/// <remarks>Format: https://huggingface.co/docs/safetensors, section "Format".</remarks>
internal static class TensorFile
{
    private const int Alignment = 8;

    public static void Write(string path, IReadOnlyList<(string Name, Tensor Value)> tensors)
    {
        var unfinished = path + ".unfinished";
        using (var file = new FileStream(unfinished, FileMode.Create, FileAccess.Write, FileShare.None, 1 << 20))
        {
            file.Write(Header(tensors));
            foreach (var (_, value) in tensors)
            {
                using var scope = NewDisposeScope();
                file.Write(value.detach().cpu().contiguous().bytes);
            }
            file.Flush(flushToDisk: true);
        }
        File.Move(unfinished, path, overwrite: true);
    }

    private static byte[] Header(IReadOnlyList<(string Name, Tensor Value)> tensors)
    {
        var entries = new Dictionary<string, Entry>();
        var end = 0L;
        foreach (var (name, value) in tensors)
        {
            var begin = end;
            end += value.numel() * value.ElementSize;
            entries.Add(name, new(DtypeName(value.dtype), value.shape, [begin, end]));
        }
        var json = JsonSerializer.SerializeToUtf8Bytes(entries, JsonSerializerOptions.Web);
        var length = (json.Length + Alignment - 1) / Alignment * Alignment;
        var header = new byte[sizeof(long) + length];
        header.AsSpan().Fill((byte)' ');
        BinaryPrimitives.WriteInt64LittleEndian(header, length);
        json.CopyTo(header, sizeof(long));
        return header;
    }

    private static string DtypeName(ScalarType dtype) => dtype switch
    {
        ScalarType.Float32 => "F32",
        ScalarType.Float16 => "F16",
        ScalarType.BFloat16 => "BF16",
        ScalarType.Int64 => "I64",
        ScalarType.Byte => "U8",
        _ => throw new ArgumentOutOfRangeException(nameof(dtype), dtype, "Not a type that is written."),
    };

    private sealed record Entry(string Dtype, long[] Shape, [property: System.Text.Json.Serialization.JsonPropertyName("data_offsets")] long[] DataOffsets);
}
