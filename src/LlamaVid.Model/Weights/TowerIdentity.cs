using System.Security.Cryptography;
using System.Text;

namespace LlamaVid.Model.Weights;

/// <summary>Tells the features of one tower and one way of cutting pictures from those of another, wherever their files lie.</summary>
internal static class TowerIdentity
{
    private const int Samples = 64, SampleBytes = 1 << 16;

    /// <summary>Looks at the size of every file and at blocks spread evenly over it, the first and the last among them: an official tower has 2 GB.</summary>
    /// <param name="form">an 8-bit tower's features are not those of the same tower with all bits</param>
    public static string Of(CheckpointDirectory source, WeightForm form)
    {
        using var hash = IncrementalHash.CreateHash(HashAlgorithmName.SHA256);
        foreach (var path in (string[])[source.VisionTower!, source.ImageProcessor!])
            foreach (var file in Directory.Exists(path) ? Directory.GetFiles(path).Order(StringComparer.Ordinal).ToArray() : [path]) Add(hash, file);
        if (form == WeightForm.Int8) hash.AppendData("int8"u8);
        return Convert.ToHexStringLower(hash.GetHashAndReset());
    }

    private static void Add(IncrementalHash hash, string path)
    {
        using var file = File.OpenRead(path);
        hash.AppendData(Encoding.UTF8.GetBytes($"{file.Length} "));
        var bytes = new byte[Math.Min(SampleBytes, file.Length)];
        for (var i = 0; i < Samples; i++)
        {
            file.Position = (file.Length - bytes.Length) * i / (Samples - 1);
            file.ReadExactly(bytes);
            hash.AppendData(bytes);
        }
    }
}
