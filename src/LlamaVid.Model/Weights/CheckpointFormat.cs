namespace LlamaVid.Model.Weights;

/// <summary>Tells the format of a weight file by its first bytes, never by its name, and names the ones that cannot be read together with the cure.</summary>
internal static class CheckpointFormat
{
    private const int TarMagicOffset = 257;
    private const string SaveAgain = "load it with torch.load and save it with torch.save of PyTorch 1.6 or later.";

    /// <exception cref="CheckpointException">The format is not one of the two, or the file is damaged.</exception>
    public static IReadOnlyList<StoredTensor> Read(MappedFile file)
    {
        if (TorchZipFile.Resembles(file)) return TorchZipFile.Read(file);
        if (SafetensorsFile.Resembles(file)) return SafetensorsFile.Read(file);
        if (Foreign(file) is { } problem) throw file.Fault(problem);
        if (file.Path.EndsWith(".safetensors", StringComparison.OrdinalIgnoreCase)) return SafetensorsFile.Read(file);      // says what is wrong with it
        throw file.Fault("the file is neither a PyTorch zip checkpoint nor safetensors; download it again.");
    }

    private static string? Foreign(MappedFile file)
    {
        var start = file.Read(0, (int)Math.Min(file.Length, 512));
        if (start.StartsWith("version https://git-lfs"u8))
            return "the file is a Git LFS pointer and not the weights; fetch them with git lfs pull.";
        if (start.Length > TarMagicOffset && start[TarMagicOffset..].StartsWith("ustar"u8))
            return $"the file is a tar archive, the format of PyTorch before 0.1.10; {SaveAgain}";
        if (start is [0x80, <= 5, ..])
            return $"the file is a bare pickle and not a zip archive, the legacy format of PyTorch before 1.6; {SaveAgain}";
        return null;
    }
}
