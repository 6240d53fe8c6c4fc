namespace LlamaVid.Training.Evaluation.Samples;

/// <summary>Finds a data set's videos, which annotations name in several ways. Opens none.</summary>
internal sealed class VideoFolder(string folder)
{
    private static readonly string[] Endings = ["", ".mp4", ".avi", ".mov", ".mkv", ".webm"];

    /// <param name="place">who asks</param>
    /// <param name="names">with or without the file's ending; the first that is there counts</param>
    /// <returns>the full path</returns>
    /// <exception cref="EvaluationFaultException">none is there</exception>
    public string Find(string place, params IEnumerable<string> names)
    {
        var tried = names.ToArray();
        return tried.SelectMany(name => Endings.Select(ending => Path.Combine(folder, name + ending))).FirstOrDefault(File.Exists)
            ?? throw new EvaluationFaultException(place, $"there is no video '{string.Join("' or '", tried)}' in {folder}.");
    }
}
