using System.Text.Json;

namespace LlamaVid.Model.Weights;

/// <summary>Which files make up a folder's checkpoint: the first complete one of four, in the order of transformers. It opens no weights.</summary>
/// <param name="Files">Full paths, in the order of their names.</param>
/// <param name="Index">The index file, or null.</param>
/// <param name="Promised">The index's file for every tensor it names.</param>
internal sealed record WeightFiles(IReadOnlyList<string> Files, string? Index, IReadOnlyDictionary<string, string> Promised)
{
    private static readonly string[] Names = ["model.safetensors", "model.safetensors.index.json", "pytorch_model.bin", "pytorch_model.bin.index.json"];
    private static readonly Dictionary<string, string> NoPromises = [];

    /// <exception cref="CheckpointException">The path does not exist, the folder has no checkpoint, or its index names a missing file.</exception>
    public static WeightFiles At(string fileOrDirectory)
    {
        if (File.Exists(fileOrDirectory)) return new([fileOrDirectory], null, NoPromises);
        if (!Directory.Exists(fileOrDirectory)) throw new CheckpointException(fileOrDirectory, "there is no such file or folder.");

        var found = Names.Select(name => Path.Combine(fileOrDirectory, name)).Where(File.Exists).Select(From).ToList();
        if (found.Count == 0) throw new CheckpointException(fileOrDirectory, $"the folder holds no weights; accepted: one of {string.Join(", ", Names)}.");
        var chosen = found.Find(files => files.Files.All(File.Exists)) ?? found[0];
        var missing = chosen.Files.Where(file => !File.Exists(file)).Select(Path.GetFileName).ToList();
        if (missing.Count == 0) return chosen;
        throw new CheckpointException(chosen.Index!, $"{missing.Count} of its {chosen.Files.Count} files are missing: {string.Join(", ", missing.Take(10))}.");
    }

    private static WeightFiles From(string path)
    {
        if (!path.EndsWith(".index.json", StringComparison.Ordinal)) return new([path], null, NoPromises);
        using var json = JsonFile.Parse(path);
        var folder = Path.GetDirectoryName(path)!;
        var promised = new Dictionary<string, string>();
        try
        {
            foreach (var tensor in json.RootElement.GetProperty("weight_map").EnumerateObject())
                if (!promised.TryAdd(tensor.Name, Path.Combine(folder, FileName(path, tensor.Value.GetString()))))
                    throw new CheckpointException(path, $"\"weight_map\" names tensor \"{tensor.Name}\" twice.");
        }
        catch (Exception fault) when (fault is InvalidOperationException or KeyNotFoundException)
        {
            throw new CheckpointException(path, "\"weight_map\" is not an object that maps every tensor to a file name.", fault);
        }
        if (promised.Count == 0) throw new CheckpointException(path, "\"weight_map\" is empty.");
        return new([.. promised.Values.Distinct().Order(StringComparer.Ordinal)], path, promised);
    }

    private static string FileName(string index, string? name)
    {
        if (name is not (null or "" or "." or "..") && name == Path.GetFileName(name) && !name.Contains('\0')) return name;
        throw new CheckpointException(index, $"\"weight_map\" names {JsonSerializer.Serialize(name)}; accepted: the name of a file in the same folder.");
    }
}
