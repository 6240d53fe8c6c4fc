using System.Buffers.Binary;
using System.Text.Json;
using TorchSharp;
using static TorchSharp.torch;

namespace LlamaVid.Tests;

/// <summary>
/// One golden case: the tensors of a <c>.safetensors</c> file and, where there is one, the <c>.json</c> of the same name. It knows nothing of the
/// product's own readers.
/// </summary>
/// <remarks>Every tensor read is a new one and belongs to the caller's dispose scope.</remarks>
internal sealed class Golden
{
    private readonly byte[] _file;
    private readonly int _start;
    private readonly Dictionary<string, JsonElement> _entries;

    private Golden(string path)
    {
        _file = File.ReadAllBytes(path);
        var headerBytes = (int)BinaryPrimitives.ReadUInt64LittleEndian(_file);
        _start = 8 + headerBytes;
        _entries = JsonSerializer.Deserialize<Dictionary<string, JsonElement>>(_file.AsSpan(8, headerBytes))!;
        _entries.Remove("__metadata__");
        var json = Path.ChangeExtension(path, ".json");
        if (File.Exists(json)) Json = JsonDocument.Parse(File.ReadAllBytes(json)).RootElement;
    }

    /// <summary>The case's facts (prompt, input, kept rows …); undefined where the file has no JSON beside it.</summary>
    public JsonElement Json { get; }

    public IReadOnlyCollection<string> Names => _entries.Keys;

    /// <summary>Opens <c>shared/goldens/NAME.safetensors</c>, for instance <c>cases/short_video</c>; the test is skipped where the folder is absent.</summary>
    public static Golden Open(string name) => new(Shared.Path($"goldens/{name}.safetensors"));

    /// <summary>The file with this full path, for tests that write their own.</summary>
    public static Golden OpenFile(string path) => new(path);

    /// <summary>A CPU tensor in the file's dtype.</summary>
    public Tensor this[string name]
    {
        get
        {
            var entry = Entry(name);
            var tensor = empty(Shape(name), dtype: Dtype(entry.GetProperty("dtype").GetString()!));
            Bytes(name).CopyTo(tensor.bytes);
            return tensor;
        }
    }

    public long[] Shape(string name) => [.. Entry(name).GetProperty("shape").EnumerateArray().Select(size => size.GetInt64())];

    /// <summary>The tensor's values as they lie in the file, row-major and little-endian.</summary>
    public ReadOnlySpan<byte> Bytes(string name)
    {
        var offsets = Entry(name).GetProperty("data_offsets");
        var (from, to) = (offsets[0].GetInt32(), offsets[1].GetInt32());
        return _file.AsSpan(_start + from, to - from);
    }

    /// <summary>Rows of the first axis that the case kept of this tensor, or null when it kept all.</summary>
    public long[]? KeptRows(string name) =>
        Json.GetProperty("kept_rows").TryGetProperty(name, out var rows) ? [.. rows.EnumerateArray().Select(row => row.GetInt64())] : null;

    private JsonElement Entry(string name) =>
        _entries.TryGetValue(name, out var entry)
            ? entry : throw new KeyNotFoundException($"The golden file has no '{name}'; it has {string.Join(", ", _entries.Keys)}.");

    private static ScalarType Dtype(string name) => name switch
    {
        "F32" => ScalarType.Float32,
        "F16" => ScalarType.Float16,
        "BF16" => ScalarType.BFloat16,
        "I64" => ScalarType.Int64,
        "U8" => ScalarType.Byte,
        _ => throw new NotSupportedException($"dtype {name}"),
    };
}
