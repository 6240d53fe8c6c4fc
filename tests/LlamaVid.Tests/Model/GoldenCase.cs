using System.Buffers.Binary;
using System.Text.Json;
using TorchSharp;
using static TorchSharp.torch;

namespace LlamaVid.Tests.Model;

/// <summary>One case of <c>goldens/cases</c>: what the official code was given, and every number it gave back.</summary>
internal sealed class GoldenCase
{
    private readonly Golden _numbers;

    private GoldenCase(string name) => _numbers = Golden.Open($"cases/{name}");

    public static GoldenCase Open(string name) => new(name);

    /// <summary>All case names; none where the goldens are absent.</summary>
    public static IEnumerable<string> Names =>
        Shared.Find("goldens/cases") is { } folder
            ? Directory.GetFiles(folder, "*.safetensors").Select(Path.GetFileNameWithoutExtension).Where(name => name != "inputs").Order()!
            : [];

    public string Checkpoint => Shared.Path($"goldens/work_dirs/llama-vid/{Json.GetProperty("checkpoint").GetString()}");
    public IReadOnlyList<int> InputIds => Ints(Json.GetProperty("input_ids"));
    public IReadOnlyList<int> GeneratedIds => Ints(Json.GetProperty("gen_ids"));
    public Tensor this[string name] => _numbers[name];
    public bool Has(string name) => _numbers.Names.Contains(name);
    public long[]? KeptRows(string name) => _numbers.KeptRows(name);

    /// <summary>The case shows precomputed features (without class token), not pictures.</summary>
    public bool IsMovie => Input.StartsWith("movie", StringComparison.Ordinal);

    /// <summary>Planar 8-bit crops [T, 3, S, S], and T.</summary>
    public (byte[] Crops, int Frames) Crops()
    {
        var inputs = Golden.Open("cases/inputs");
        return (inputs.Bytes(Input).ToArray(), (int)inputs.Shape(Input)[0]);
    }

    /// <summary>[T, 256, C] float32 of the movie file: its 8 frames, or 70 made of them.</summary>
    public Tensor MovieFeatures()
    {
        const int frames = 8, positions = 257, width = 88, bytes = frames * positions * width * 2;
        var file = File.ReadAllBytes(Shared.Path("goldens/media/movie.pkl"));
        Span<byte> head = stackalloc byte[5];
        head[0] = (byte)'B';                                                // pickle: BINBYTES with a 4-byte length
        BinaryPrimitives.WriteInt32LittleEndian(head[1..], bytes);
        var start = file.AsSpan().IndexOf(head) + head.Length;

        using var scope = NewDisposeScope();
        var stored = empty([frames, positions, width], ScalarType.Float16);
        file.AsSpan(start, bytes).CopyTo(stored.bytes);
        var movie = stored.narrow(1, 1, positions - 1).to(ScalarType.Float32);
        if (Input == "movie70")
            movie = stack([.. Enumerable.Range(0, 70).Select(i => movie[i % frames].mul(tensor((float)(0.6 + 0.01 * i))).to(ScalarType.Float16).to(ScalarType.Float32))]);
        return movie.MoveToOuterDisposeScope();
    }

    private JsonElement Json => _numbers.Json;
    private string Input => Json.GetProperty("input").GetString()!;

    private static int[] Ints(JsonElement array) => [.. array.EnumerateArray().Select(id => id.GetInt32())];
}
