using LlamaVid.Training;
using LlamaVid.Training.Evaluation;

namespace LlamaVid.Tests.Training.Evaluation;

/// <summary>A folder of videos and annotations that a test makes, and the evaluate command on it.</summary>
internal sealed class DataFolder : IDisposable
{
    private readonly DirectoryInfo _folder = Directory.CreateTempSubdirectory("lve");

    public string Path => _folder.FullName;

    public string this[string name] => System.IO.Path.Combine(Path, name);

    /// <summary>Where the reading tests look for videos: there, but never opened.</summary>
    public DataFolder Videos(params string[] names)
    {
        foreach (var name in names) File.WriteAllText(this[name], "not a video");
        return this;
    }

    public string Write(string name, string text)
    {
        File.WriteAllText(this[name], text);
        return this[name];
    }

    public EvaluateOrder Order(AnnotationFormat format, OnError onError = OnError.Stop, params string[] annotations) =>
        new(Path, format, annotations, Limit: null, MaxTokens: 4, onError);

    /// <summary>Clips drawn by <c>prepare</c>, with their questions and truth.</summary>
    public async Task DrawAsync(int clips, int films = 0)
    {
        var (code, _, error) = await RunAsync("prepare", "--out", Path, "--clips", $"{clips}", "--long", $"{films}", "--seed", "8");
        Assert.True(code == 0, error);
    }

    public Task<(int Code, string Output, string Error)> EvaluateAsync(params string[] arguments) =>
        RunAsync(["evaluate", "--data", Path, "--max-tokens", "3", .. arguments]);

    public static async Task<(int Code, string Output, string Error)> RunAsync(params string[] arguments)
    {
        using var output = new StringWriter();
        using var error = new StringWriter();
        var code = await TrainingCommand.RunAsync(arguments, output, error, TestContext.Current.CancellationToken);
        return (code, output.ToString(), error.ToString());
    }

    public void Dispose() => _folder.Delete(recursive: true);
}
