using System.Text.Json;
using System.Text.Json.Serialization;

namespace LlamaVid.Training.Loop;

/// <summary>
/// The run as JSON lines, in one file whatever number of sessions it took. A continued run first drops what the saved state does not know of.
/// </summary>
internal sealed class RunLog : IDisposable
{
    private static readonly JsonSerializerOptions Form = new()
    {
        PropertyNamingPolicy = JsonNamingPolicy.SnakeCaseLower,
        DefaultIgnoreCondition = JsonIgnoreCondition.WhenWritingNull,
        Encoder = System.Text.Encodings.Web.JavaScriptEncoder.UnsafeRelaxedJsonEscaping,
    };

    private readonly StreamWriter _file;

    /// <param name="step">lines of later steps are dropped</param>
    /// <param name="notes">stand before all steps, as JSON objects</param>
    public RunLog(string path, long step, IEnumerable<object> notes)
    {
        string[] kept = File.Exists(path) ? [.. File.ReadLines(path).Where(line => IsUpTo(line, step))] : [];
        var unfinished = path + ".unfinished";
        File.WriteAllLines(unfinished, notes.Select(note => JsonSerializer.Serialize(note, Form)).Concat(kept));
        File.Move(unfinished, path, overwrite: true);
        _file = new(path, append: true);
    }

    public void Add(StepReport report)
    {
        _file.WriteLine(JsonSerializer.Serialize(report, Form));
        _file.Flush();
    }

    public void Dispose() => _file.Dispose();

    /// <summary>The lines about steps.</summary>
    public static IReadOnlyList<StepReport> Read(string path) => [.. File.ReadLines(path).Select(Parse).OfType<StepReport>()];

    /// <summary>False also for notes, which are written anew, and for the torn last line of a killed process.</summary>
    private static bool IsUpTo(string line, long step) => Parse(line) is { } report && report.Step <= step;

    /// <returns>null for what is no line about steps</returns>
    private static StepReport? Parse(string line)
    {
        try
        {
            return JsonSerializer.Deserialize<StepReport>(line, Form) is { Step: > 0 } report ? report : null;
        }
        catch (JsonException)
        {
            return null;
        }
    }
}

/// <summary>One line of the log: the steps since the line before.</summary>
/// <param name="Step">steps done, so from 1</param>
/// <param name="Loss">mean over these steps</param>
/// <param name="Accuracy">mean over these steps, 0 to 1, where the objective has one</param>
/// <param name="Lr">learning rate of the last of them</param>
/// <param name="GradNorm">of the last of them, before clipping</param>
/// <param name="SamplesPerSecond">over these steps</param>
/// <param name="Elapsed">seconds of training since the run's beginning, over all sessions</param>
/// <param name="Kinds">accuracy over these steps by kind of sample, where the objective has kinds</param>
internal sealed record StepReport(
    long Step, double Loss, double? Accuracy, double Lr, double GradNorm, double SamplesPerSecond, double Elapsed, SortedDictionary<string, double>? Kinds = null);
