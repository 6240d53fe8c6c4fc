using System.Text.Json;
using System.Text.Unicode;

namespace LlamaVid.Model.Weights;

/// <summary>Reads a JSON object from a model folder, of bounded size, or says what is wrong with the file.</summary>
internal static class JsonFile
{
    /// <summary>Larger than any real configuration, index or header by far.</summary>
    public const int LargestBytes = 32 << 20;

    /// <exception cref="CheckpointException">The file is missing, unreadable, too large, not JSON or not an object.</exception>
    public static JsonDocument Parse(string path)
    {
        try
        {
            var length = new FileInfo(path).Length;
            if (length > LargestBytes) throw new CheckpointException(path, $"the file has {length} bytes; at most {LargestBytes} are accepted.");
            return Parse(path, File.ReadAllBytes(path));
        }
        catch (Exception fault) when (fault is FileNotFoundException or DirectoryNotFoundException)
        {
            throw new CheckpointException(path, "the file does not exist.", fault);
        }
        catch (Exception fault) when (fault is IOException or UnauthorizedAccessException)
        {
            throw new CheckpointException(path, $"the file cannot be read: {fault.Message}", fault);
        }
    }

    /// <param name="path">The file to name in errors.</param>
    /// <param name="utf8">The JSON text; the document keeps it.</param>
    public static JsonDocument Parse(string path, ReadOnlyMemory<byte> utf8)
    {
        if (!Utf8.IsValid(utf8.Span)) throw new CheckpointException(path, "the JSON text is not valid UTF-8.");
        try
        {
            var document = JsonDocument.Parse(utf8);
            if (document.RootElement.ValueKind == JsonValueKind.Object) return document;
            document.Dispose();
            throw new CheckpointException(path, "the JSON text is not an object.");
        }
        catch (JsonException fault)
        {
            throw new CheckpointException(path, $"the JSON text is not valid: {fault.Message}", fault);
        }
    }
}
