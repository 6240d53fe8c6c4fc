using System.Security.Cryptography;
using System.Text;
using LlamaVid.Model.Weights;

namespace LlamaVid.Training.Stages;

/// <summary>Tells the features of one tower and one way of cutting pictures from those of another, wherever their files lie.</summary>
internal static class TowerIdentity
{
    private const int LookedAt = 1 << 20;

    /// <summary>Looks at the size, the beginning and the end of every file: an official tower has 2 GB.</summary>
    public static string Of(CheckpointDirectory source)
    {
        using var hash = IncrementalHash.CreateHash(HashAlgorithmName.SHA256);
        foreach (var path in (string[])[source.VisionTower!, source.ImageProcessor!])
            foreach (var file in Directory.Exists(path) ? Directory.GetFiles(path).Order(StringComparer.Ordinal).ToArray() : [path]) Add(hash, file);
        return Convert.ToHexStringLower(hash.GetHashAndReset());
    }

    private static void Add(IncrementalHash hash, string path)
    {
        using var file = File.OpenRead(path);
        hash.AppendData(Encoding.UTF8.GetBytes($"{file.Length} "));
        var bytes = new byte[Math.Min(LookedAt, file.Length)];
        foreach (var start in new[] { 0, file.Length - bytes.Length })
        {
            file.Position = start;
            file.ReadExactly(bytes);
            hash.AppendData(bytes);
        }
    }
}
