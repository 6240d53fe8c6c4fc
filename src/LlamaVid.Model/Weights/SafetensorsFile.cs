using System.Buffers.Binary;
using System.Text.Json;

namespace LlamaVid.Model.Weights;

/// <summary>Finds the tensors of a safetensors file: the length of a JSON header, the header, then the values. Nothing is copied.</summary>
/// <remarks>Format: https://huggingface.co/docs/safetensors, section "Format".</remarks>
internal static class SafetensorsFile
{
    private const int Prefix = sizeof(long);
    private const string Metadata = "__metadata__";

    /// <summary>Does the file begin like one? A look at the first bytes, without a promise.</summary>
    public static bool Resembles(MappedFile file) =>
        file.Length > Prefix && HeaderLength(file) is > 1 and var length && length <= file.Length - Prefix && file.Read(Prefix, 1)[0] == '{';

    /// <exception cref="CheckpointException">The header is not valid or points outside the file.</exception>
    public static IReadOnlyList<StoredTensor> Read(MappedFile file)
    {
        if (file.Length < Prefix) throw file.Fault($"the file is truncated: it has {file.Length} bytes and its header's length takes {Prefix}.");
        var length = HeaderLength(file);
        if (length is < 2 or > JsonFile.LargestBytes || length > file.Length - Prefix)
            throw file.Fault($"the safetensors header claims {(ulong)length} bytes; the file has {file.Length} " +
                $"and at most {JsonFile.LargestBytes} are accepted.");

        using var header = JsonFile.Parse(file.Path, file.Read(Prefix, (int)length).ToArray());
        var found = new List<StoredTensor>();
        var ranges = new List<(long Begin, long End, string Name)>();
        foreach (var property in header.RootElement.EnumerateObject())
        {
            var (name, dtype, shape, begin, end) = ReadEntry(file, property);
            if (name == Metadata) continue;
            var tensor = new StoredTensor(file, name, dtype, Prefix + length + begin, end - begin, 0, shape);
            if (shape.Aggregate((long)Dtypes.SizeOf(dtype), (product, size) => product * size) != end - begin)
                throw Fault(file, name, $"has shape {StoredTensor.Show(shape)} of {dtype}, which is not the {end - begin} bytes of its data_offsets");
            found.Add(tensor);
            if (end > begin) ranges.Add((begin, end, name));
        }
        RequireDisjoint(file, ranges);
        return found;
    }

    private static (string Name, ScalarType Dtype, long[] Shape, long Begin, long End) ReadEntry(MappedFile file, JsonProperty property)
    {
        var name = "?";
        try
        {
            name = property.Name;
            if (name == Metadata) return (name, default, [], 0, 0);
            var type = property.Value.GetProperty("dtype").GetString()!;
            var dtype = Dtypes.FromSafetensors(type) ?? throw Fault(file, name, $"has dtype {type}; accepted: F64, F32, F16, BF16, I64 to I8, U8, BOOL");
            var shape = property.Value.GetProperty("shape").EnumerateArray().Select(size => size.GetInt64()).ToArray();
            var offsets = property.Value.GetProperty("data_offsets").EnumerateArray().Select(offset => offset.GetInt64()).ToArray();
            if (offsets is not [var begin and >= 0, var end] || end < begin) throw Fault(file, name, "has data_offsets that are not [begin, end]");
            return (name, dtype, shape, begin, end);
        }
        catch (Exception fault) when (fault is InvalidOperationException or FormatException or KeyNotFoundException)
        {
            throw file.Fault($"the header's entry for tensor \"{name}\" is not {{dtype, shape, data_offsets}}: {fault.Message}");
        }
    }

    private static void RequireDisjoint(MappedFile file, List<(long Begin, long End, string Name)> ranges)
    {
        ranges.Sort();
        foreach (var (before, after) in ranges.Zip(ranges.Skip(1)))
            if (after.Begin < before.End) throw Fault(file, after.Name, $"overlaps tensor \"{before.Name}\"");
    }

    private static long HeaderLength(MappedFile file) => BinaryPrimitives.ReadInt64LittleEndian(file.Read(0, Prefix));

    private static CheckpointException Fault(MappedFile file, string name, string problem) => file.Fault($"tensor \"{name}\" {problem}.");
}
