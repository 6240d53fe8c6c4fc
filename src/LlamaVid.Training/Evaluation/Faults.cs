namespace LlamaVid.Training.Evaluation;

/// <summary>Something that cannot be scored: a line, a file, a video, a verdict.</summary>
/// <param name="place">file and line, or file</param>
internal sealed class EvaluationFaultException(string place, string problem, Exception? cause = null) : Exception($"{place}: {problem}", cause)
{
    public string Place { get; } = place;

    public string Problem { get; } = problem;
}

/// <summary>Every fault of a run, said once and counted. Stops the run at the first where that was asked for.</summary>
internal sealed class Faults(OnError onError, TextWriter notes)
{
    /// <summary>For files without which questions would be scored wrongly: every fault stops the run, whatever was asked for.</summary>
    public static readonly Faults Strict = new(OnError.Stop, TextWriter.Null);

    private readonly Lock _lock = new();

    /// <summary>Questions that have no score.</summary>
    public int Count { get; private set; }

    /// <param name="questions">how many questions the fault costs</param>
    /// <exception cref="EvaluationFaultException">the run is to stop</exception>
    public void Report(EvaluationFaultException fault, int questions = 1)
    {
        if (onError == OnError.Stop) throw fault;
        lock (_lock)
        {
            Count += questions;
            notes.WriteLine($"skipped ({questions}): {OneLine(fault.Message)}");
        }
    }

    /// <summary>Does one sample's work; a fault of it is reported.</summary>
    public void Try(Action work)
    {
        try
        {
            work();
        }
        catch (EvaluationFaultException fault)
        {
            Report(fault);
        }
    }

    private static string OneLine(string text) => string.Join(' ', text.Split('\n', StringSplitOptions.TrimEntries));
}
