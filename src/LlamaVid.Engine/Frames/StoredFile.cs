using System.Buffers.Binary;
using System.Globalization;
using System.Security.Cryptography;
using System.Text.Json;
using TorchSharp;

namespace LlamaVid.Engine;

/// <summary>One file of stored features: a safetensors file with the tensor <c>features</c> [T, N, C], the frames' times, and a checksum for each chunk of frames.</summary>
internal sealed class StoredFile : IDisposable
{
    private const int LargestHeader = 64 << 20, Prefix = sizeof(long);

    private readonly FileStream _stream;
    private readonly long _data, _bytesPerFrame;
    private readonly (int First, int Frames, string Checksum)[] _chunks;

    private StoredFile(FileStream stream, LlamaVidModel model)
    {
        _stream = stream;
        using var header = JsonDocument.Parse(ReadHeader(stream, out _data));
        var (tensor, about) = (header.RootElement.GetProperty("features"), header.RootElement.GetProperty("__metadata__"));

        Timestamps = [.. Split(about, "timestamps").Select(text => double.Parse(text, CultureInfo.InvariantCulture))];
        if (Split(about, "frame_size") is not [var width, var height]) throw new InvalidDataException("its frame_size is not two numbers");
        FrameSize = (int.Parse(width, CultureInfo.InvariantCulture), int.Parse(height, CultureInfo.InvariantCulture));
        Shape = [Timestamps.Count, model.FeaturesPerFrame, model.Config.Vision!.HiddenSize];
        Dtype = model.Placement.Dtype;
        _bytesPerFrame = Shape[1] * Shape[2] * Dtype.ElementSize();

        var first = 0;
        var frames = Split(about, "chunks").Select(text => int.Parse(text, CultureInfo.InvariantCulture));
        _chunks = [.. frames.Zip(Split(about, "sha256"), (count, checksum) => ((first += count) - count, count, checksum))];
        var shape = tensor.GetProperty("shape").EnumerateArray().Select(size => size.GetInt64());
        if (tensor.GetProperty("dtype").GetString() != NameOf(Dtype) || !shape.SequenceEqual(Shape) || first != Shape[0] || stream.Length != _data + Shape[0] * _bytesPerFrame)
            throw new InvalidDataException("its parts do not fit together, or do not fit the model");
    }

    public torch.ScalarType Dtype { get; }

    /// <summary>[T, N, C]</summary>
    public IReadOnlyList<long> Shape { get; }

    /// <summary>Seconds, one per frame.</summary>
    public IReadOnlyList<double> Timestamps { get; }

    public (int Width, int Height) FrameSize { get; }

    public int Chunks => _chunks.Length;

    /// <exception cref="InvalidDataException">these are not stored features, or not those of this model, or not all of them</exception>
    public static StoredFile Open(string path, LlamaVidModel model)
    {
        var stream = new FileStream(path, FileMode.Open, FileAccess.Read, FileShare.Read | FileShare.Delete, bufferSize: 0);
        try
        {
            return new(stream, model);
        }
        catch (Exception fault)
        {
            stream.Dispose();
            throw fault is InvalidDataException ? fault : new InvalidDataException($"the header is not that of stored features: {fault.Message}", fault);
        }
    }

    /// <returns>the values of one chunk of frames</returns>
    /// <exception cref="InvalidDataException">they are not what was written</exception>
    public async Task<byte[]> ReadChunkAsync(int chunk, CancellationToken cancelled)
    {
        var (first, frames, checksum) = _chunks[chunk];
        var values = new byte[frames * _bytesPerFrame];
        _stream.Position = _data + first * _bytesPerFrame;
        await _stream.ReadExactlyAsync(values, cancelled);
        return Convert.ToHexStringLower(SHA256.HashData(values)) == checksum ? values : throw new InvalidDataException($"the checksum of chunk {chunk} is wrong");
    }

    /// <summary>Bytes that are left for the header of a file of so many frames.</summary>
    public static int HeaderRoom(long frames) => (int)Math.Min(LargestHeader, 4096 + 128 * frames);

    /// <returns>the beginning of a file, padded to <paramref name="room"/>; null when it does not fit</returns>
    public static byte[]? Header(
        int room, torch.ScalarType dtype, long[] shape, IReadOnlyList<double> timestamps, (int Width, int Height) frameSize, IReadOnlyList<(int Frames, string Checksum)> chunks)
    {
        var json = JsonSerializer.SerializeToUtf8Bytes(new Dictionary<string, object>
        {
            ["__metadata__"] = new Dictionary<string, string>
            {
                ["timestamps"] = string.Join(',', timestamps.Select(time => time.ToString("R", CultureInfo.InvariantCulture))),
                ["frame_size"] = $"{frameSize.Width},{frameSize.Height}",
                ["chunks"] = string.Join(',', chunks.Select(chunk => chunk.Frames)),
                ["sha256"] = string.Join(',', chunks.Select(chunk => chunk.Checksum)),
            },
            ["features"] = new { dtype = NameOf(dtype), shape, data_offsets = new[] { 0, shape.Aggregate((long)dtype.ElementSize(), (product, size) => product * size) } },
        });
        if (Prefix + json.Length > room) return null;
        var header = new byte[room];
        BinaryPrimitives.WriteInt64LittleEndian(header, room - Prefix);
        json.CopyTo(header, Prefix);
        header.AsSpan(Prefix + json.Length).Fill((byte)' ');                // safetensors allows spaces behind the header
        return header;
    }

    public void Dispose() => _stream.Dispose();

    private static byte[] ReadHeader(FileStream stream, out long end)
    {
        Span<byte> prefix = stackalloc byte[Prefix];
        stream.ReadExactly(prefix);
        var length = BinaryPrimitives.ReadInt64LittleEndian(prefix);
        if (length is < 2 or > LargestHeader) throw new InvalidDataException($"its header claims {length} bytes");
        var json = new byte[length];
        stream.ReadExactly(json);
        end = Prefix + length;
        return json;
    }

    private static string[] Split(JsonElement about, string name) => about.GetProperty(name).GetString()!.Split(',');

    private static string NameOf(torch.ScalarType dtype) => dtype switch
    {
        torch.ScalarType.Float32 => "F32",
        torch.ScalarType.Float16 => "F16",
        torch.ScalarType.BFloat16 => "BF16",
        _ => throw new ArgumentOutOfRangeException(nameof(dtype), dtype, "no dtype of a model"),
    };
}
