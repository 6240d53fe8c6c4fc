namespace LlamaVid.Training.Evaluation.Samples;

/// <summary>The samples of an order, in the order of their files. A sample is whole or it is a counted fault; a duplicate is a fault.</summary>
internal static class SampleReader
{
    /// <exception cref="EvaluationFaultException">a file as a whole cannot be used, or nothing is left</exception>
    public static IReadOnlyList<Sample> Read(EvaluateOrder order, Faults faults)
    {
        var videos = new VideoFolder(order.Data);
        var read = order.Format switch
        {
            AnnotationFormat.Questions => QuestionsFile.Read(Files(order, 1, "questions.jsonl"), videos, faults),
            AnnotationFormat.Msvd => QaFiles.Msvd(Files(order, 2), videos, faults),
            AnnotationFormat.Msrvtt => QaFiles.Msrvtt(Files(order, 1), videos, faults),
            AnnotationFormat.ActivityNet => QaFiles.ActivityNet(Files(order, 2), videos, faults),
            AnnotationFormat.VideoChatGpt => VideoChatGptFiles.Read(Files(order, 3), videos, faults),
            _ => throw new ArgumentOutOfRangeException(nameof(order), order.Format, "Not a format."),
        };
        var samples = Limited(Unique(read, faults), order.Limit).ToArray();
        return samples.Length > 0 ? samples : throw new EvaluationFaultException(order.Data, $"no question is left to ask ({faults.Count} skipped).");
    }

    private static IReadOnlyList<string> Files(EvaluateOrder order, int atMost, string? usual = null)
    {
        if (order.Annotations.Count == 0 && usual is not null) return [Path.Combine(order.Data, usual)];
        return order.Annotations.Count >= 1 && order.Annotations.Count <= atMost
            ? order.Annotations
            : throw new EvaluationFaultException("--annotations", $"{order.Annotations.Count} files were named; this format takes 1 to {atMost}.");
    }

    private static IEnumerable<Sample> Unique(IEnumerable<(string Key, Sample Sample)> read, Faults faults)
    {
        var known = new Dictionary<string, Sample>();
        foreach (var (key, sample) in read)
        {
            if (known.TryAdd(key, sample))
                yield return sample;
            else
                faults.Report(new(sample.Place, $"is a duplicate of {known[key].Place}."));
        }
    }

    private static IEnumerable<Sample> Limited(IEnumerable<Sample> samples, int? videos)
    {
        var seen = new HashSet<string>();
        foreach (var sample in samples)
            if (seen.Contains(sample.Video) || videos is null || seen.Count < videos)
            {
                seen.Add(sample.Video);
                yield return sample;
            }
    }
}
