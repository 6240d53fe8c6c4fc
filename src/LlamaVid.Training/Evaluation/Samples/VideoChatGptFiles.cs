namespace LlamaVid.Training.Evaluation.Samples;

/// <summary>The Video-ChatGPT benchmark: generic_qa.json and temporal_qa.json with <c>{"video_name","Q","A"}</c>, consistency_qa.json with Q1 and Q2.</summary>
internal static class VideoChatGptFiles
{
    public const string Generic = "generic", Temporal = "temporal", Consistency = "consistency";

    public static IEnumerable<(string, Sample)> Read(IReadOnlyList<string> files, VideoFolder videos, Faults faults) =>
        files.SelectMany(file => Read(file, TypeOf(file), videos, faults));

    private static IEnumerable<(string, Sample)> Read(string file, string type, VideoFolder videos, Faults faults)
    {
        foreach (var record in JsonRecords.Read(file, faults))
        {
            Sample? sample = null;
            faults.Try(() =>
            {
                var isPair = type == Consistency;
                var name = record.Text("video_name");
                sample = new(record.Place, videos.Find(record.Place, name, "v_" + name), type, record.Text(isPair ? "Q1" : "Q"), record.Text("A"))
                {
                    Twin = isPair ? record.Text("Q2") : null,
                };
            });
            if (sample is not null) yield return ($"{type}\n{sample.Video}\n{sample.Question}\n{sample.Twin}", sample);
        }
    }

    /// <summary>What is judged is told by the file's name only: generic and temporal questions have the same fields.</summary>
    private static string TypeOf(string file) =>
        new[] { Generic, Temporal, Consistency }.SingleOrDefault(type => Path.GetFileName(file).Contains(type, StringComparison.OrdinalIgnoreCase))
        ?? throw new EvaluationFaultException(file, "the file's name must hold one of generic, temporal and consistency, which says what is judged.");
}
