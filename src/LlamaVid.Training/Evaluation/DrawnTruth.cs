using LlamaVid.Training.Evaluation.Samples;

namespace LlamaVid.Training.Evaluation;

/// <summary>What truth.jsonl says beyond the answers: how many objects a question's scene has, and where in a film that scene is.</summary>
/// <remarks>Without the file, or for a video that is not in it, the video's own count question tells the objects, and places are unknown.</remarks>
internal sealed class DrawnTruth
{
    private static readonly string[] Numbers = ["one", "two", "three"];

    private readonly Dictionary<string, Scene[]> _scenes = [];
    private readonly Dictionary<string, int> _counted = [];

    /// <exception cref="EvaluationFaultException">truth.jsonl is there and cannot be read: a part of it would move questions between groups</exception>
    public static DrawnTruth Read(string folder, IEnumerable<Sample> samples)
    {
        var truth = new DrawnTruth();
        foreach (var sample in samples.Where(sample => sample.Type == "count"))
            if (Array.IndexOf(Numbers, sample.Answer) is >= 0 and var number || int.TryParse(sample.Answer, out number) && --number >= 0)
                truth._counted[sample.Video] = number + 1;

        var path = Path.Combine(folder, "truth.jsonl");
        if (!File.Exists(path)) return truth;
        foreach (var record in JsonRecords.Read(path, Faults.Strict)) truth.Add(folder, record);
        return truth;
    }

    /// <returns>null: unknown</returns>
    public int? Objects(Sample sample) => SceneOf(sample)?.Objects ?? (_counted.TryGetValue(sample.Video, out var count) ? count : null);

    /// <summary>The middle of the asked scene as a share of the film's length; null for clips and where it is unknown.</summary>
    public double? Position(Sample sample) =>
        SceneOf(sample) is { } scene && _scenes[sample.Video] is { Length: > 1 } all
            ? (scene.Start + scene.Seconds / 2) / (all[^1].Start + all[^1].Seconds) : null;

    /// <exception cref="EvaluationFaultException">the line has not the documented form</exception>
    private void Add(string folder, JsonRecord record)
    {
        try
        {
            _scenes[Path.Combine(folder, record.Text("video"))] = [.. record.Element.GetProperty("scenes").EnumerateArray().Select(scene => new Scene(
                scene.GetProperty("start").GetDouble(), scene.GetProperty("seconds").GetDouble(),
                scene.GetProperty("background").GetString()!, scene.GetProperty("objects").GetArrayLength()))];
        }
        catch (Exception fault) when (fault is KeyNotFoundException or InvalidOperationException or FormatException)
        {
            throw new EvaluationFaultException(record.Place, "has not the form of docs/shapes-world.md.", fault);
        }
    }

    /// <summary>A clip's only scene, or the one that a film's question names by its background.</summary>
    private Scene? SceneOf(Sample sample) =>
        !_scenes.TryGetValue(sample.Video, out var scenes) ? null
        : scenes.Length == 1 ? scenes[0]
        : Array.Find(scenes, scene => sample.Question.StartsWith($"In the {scene.Background} scene,", StringComparison.OrdinalIgnoreCase));

    private sealed record Scene(double Start, double Seconds, string Background, int Objects);
}
