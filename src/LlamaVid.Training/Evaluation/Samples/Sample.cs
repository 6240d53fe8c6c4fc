namespace LlamaVid.Training.Evaluation.Samples;

/// <summary>One question about one video, and its right answer.</summary>
/// <param name="Place">where it was read: file and line or number, for messages</param>
/// <param name="Video">the video's full path</param>
/// <param name="Type">the family it is scored with</param>
internal sealed record Sample(string Place, string Video, string Type, string Question, string Answer)
{
    /// <summary>The same question in other words, where the benchmark asks whether both get the same answer.</summary>
    public string? Twin { get; init; }

    public IEnumerable<string> Questions => Twin is null ? [Question] : [Question, Twin];
}
