namespace LlamaVid.Training.Evaluation.Samples;

/// <summary>questions.jsonl as <c>prepare</c> writes it: <c>{"video","type","question","answer"}</c>, the video being a file of the same folder.</summary>
internal static class QuestionsFile
{
    /// <returns>with the key that no second sample may have: the video and the question</returns>
    public static IEnumerable<(string Key, Sample Sample)> Read(IReadOnlyList<string> files, VideoFolder videos, Faults faults)
    {
        foreach (var record in JsonRecords.Read(files[0], faults))
        {
            Sample? sample = null;
            faults.Try(() => sample = new(
                record.Place, videos.Find(record.Place, record.Text("video")), record.Text("type"), record.Text("question"), record.Text("answer")));
            if (sample is not null) yield return ($"{sample.Video}\n{sample.Question}", sample);
        }
    }
}
