namespace LlamaVid.Training;

/// <summary>What <c>prepare</c> is asked to draw.</summary>
/// <param name="Folder">new or empty</param>
/// <param name="Split">any name; another name gives other videos for the same seed</param>
internal sealed record PrepareOrder(string Folder, int Clips, int Films, long Seed, string Split);

/// <summary>The folder for new data holds something already; mixing two runs would leave questions without videos.</summary>
internal sealed class FolderNotEmptyException(string folder, int entries) : Exception(
    $"{folder} is not empty ({entries} inside). Empty it, or choose another --out.")
{
    public string Folder { get; } = folder;

    public int Entries { get; } = entries;
}
