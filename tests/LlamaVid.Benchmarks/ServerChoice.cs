using System.CommandLine;

namespace LlamaVid.Benchmarks;

/// <summary>The words that say which server is asked: one that is started with a model, or one that runs.</summary>
internal sealed class ServerChoice
{
    private readonly Option<string> _model = new("--model")
    {
        Description = "The checkpoint that a server is started with.", DefaultValueFactory = _ => ProjectFiles.DefaultModel,
    };

    private readonly Option<Uri?> _url = new("--url") { Description = "Asks this server instead of starting one." };
    private readonly Option<int?> _pid = new("--pid") { Description = "With --url: the process of that server, whose memory is watched." };

    private readonly Option<string[]> _set = new("--set")
    {
        Description = "Options of the server that is started, as Engine:MaxRunningSequences=8.",
        AllowMultipleArgumentsPerToken = true, DefaultValueFactory = _ => [],
    };

    public void AddTo(Command command)
    {
        command.Add(_model);
        command.Add(_url);
        command.Add(_pid);
        command.Add(_set);
    }

    public object Chosen(ParseResult parsed) => new
    {
        Model = parsed.GetValue(_url) is null ? Path.GetFileName(Path.TrimEndingDirectorySeparator(parsed.GetRequiredValue(_model))) : null,
        Url = parsed.GetValue(_url), Set = parsed.GetRequiredValue(_set),
    };

    public bool IsElsewhere(ParseResult parsed) => parsed.GetValue(_url) is not null;

    /// <param name="defaults">settings of a server that is started; what the caller sets comes after them and wins</param>
    /// <param name="key">one that these settings make a server know; null when it asks for none</param>
    public async Task<ServerProcess> OpenAsync(ParseResult parsed, IEnumerable<string> defaults, CancellationToken cancellationToken, string? key = null) =>
        parsed.GetValue(_url) is { } url
            ? ServerProcess.At(url, parsed.GetValue(_pid))
            : await ServerProcess.StartAsync(
                Path.GetFullPath(parsed.GetRequiredValue(_model)), [.. defaults, .. parsed.GetRequiredValue(_set)], cancellationToken, key);
}
