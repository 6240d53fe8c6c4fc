using System.Diagnostics;
using System.Text.RegularExpressions;

namespace LlamaVid.Benchmarks;

/// <summary>The real server as a process of its own on a free port, from its start to its end; or one that runs already and is left alone.</summary>
internal sealed partial class ServerProcess : IAsyncDisposable
{
    private const int LinesKept = 20;
    private static readonly TimeSpan LongestStart = TimeSpan.FromMinutes(5), LongestEnd = TimeSpan.FromSeconds(40), Pause = TimeSpan.FromMilliseconds(20);

    private readonly Process? _process;
    private readonly Queue<string> _lines = [];
    private readonly TaskCompletionSource<Uri> _listens = new(TaskCreationOptions.RunContinuationsAsynchronously);

    private ServerProcess(Process process) => _process = process;

    private ServerProcess(Uri url, int? id) => (Url, Id) = (url, id);

    public Uri Url { get; private set; } = null!;

    /// <summary>Null for a server elsewhere whose process is not known.</summary>
    public int? Id { get; }

    /// <param name="id">its process, if it runs on this machine</param>
    public static ServerProcess At(Uri url, int? id) => new(url, id);

    /// <param name="settings">as on the server's command line, <c>Section:Name=VALUE</c></param>
    /// <exception cref="BenchmarkException">it did not become ready; with the last that it said</exception>
    /// <param name="key">one that the server knows; null when it asks for none</param>
    public static async Task<ServerProcess> StartAsync(string model, IEnumerable<string> settings, CancellationToken cancellationToken, string? key = null)
    {
        if (!File.Exists(ProjectFiles.Server)) throw new BenchmarkException($"{ProjectFiles.Server} is not there; build LlamaVid.Server first.");
        var options = settings.Select(setting => "--" + setting);
        var start = new ProcessStartInfo("dotnet", [ProjectFiles.Server, "--urls", "http://127.0.0.1:0", "--Model:Path", model, .. options])
        {
            RedirectStandardOutput = true, RedirectStandardError = true,
        };
        var server = new ServerProcess(Process.Start(start)!);
        try
        {
            await server.BecomeReadyAsync(key, cancellationToken);
            return server;
        }
        catch
        {
            await server.DisposeAsync();
            throw;
        }
    }

    public int? WatchedId => _process?.Id ?? Id;

    public async ValueTask DisposeAsync()
    {
        if (_process is null) return;
        try
        {
            if (_process.HasExited) return;
            using (var kill = Process.Start("kill", ["-TERM", $"{_process.Id}"])) await kill.WaitForExitAsync();
            using var patience = new CancellationTokenSource(LongestEnd);
            await _process.WaitForExitAsync(patience.Token);
        }
        catch (OperationCanceledException)
        {
            _process.Kill(entireProcessTree: true);
        }
        finally
        {
            _process.Dispose();
        }
    }

    private async Task BecomeReadyAsync(string? key, CancellationToken cancellationToken)
    {
        _process!.OutputDataReceived += (_, line) => Heard(line.Data);
        _process.ErrorDataReceived += (_, line) => Heard(line.Data);
        _process.BeginOutputReadLine();
        _process.BeginErrorReadLine();

        using var patience = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken);
        patience.CancelAfter(LongestStart);
        try
        {
            var ended = _process.WaitForExitAsync(patience.Token);
            if (await Task.WhenAny(_listens.Task, ended) == ended) throw Fault("has ended");
            Url = await _listens.Task;
            using var http = new HttpClient { BaseAddress = Url, DefaultRequestHeaders = { Authorization = key is null ? null : new("Bearer", key) } };
            while (!await IsReadyAsync(http, patience.Token))
            {
                if (ended.IsCompleted) throw Fault("has ended");
                await Task.Delay(Pause, patience.Token);
            }
        }
        catch (OperationCanceledException) when (!cancellationToken.IsCancellationRequested)
        {
            throw Fault($"is not ready after {LongestStart.TotalMinutes:0} minutes");
        }
    }

    private static async Task<bool> IsReadyAsync(HttpClient http, CancellationToken cancellationToken)
    {
        try
        {
            using var response = await http.GetAsync("/health/ready", cancellationToken);
            return response.IsSuccessStatusCode;
        }
        catch (HttpRequestException)                                        // it has just ended
        {
            return false;
        }
    }

    private void Heard(string? line)
    {
        if (line is null) return;
        lock (_lines)
        {
            _lines.Enqueue(line);
            if (_lines.Count > LinesKept) _lines.Dequeue();
        }
        if (Listening().Match(line) is { Success: true } match) _listens.TrySetResult(new(match.Groups[1].Value));
    }

    private BenchmarkException Fault(string what)
    {
        lock (_lines) return new($"The server {what}. It said: {string.Join(" | ", _lines)}");
    }

    [GeneratedRegex(@"Now listening on: (http://\S+)")]
    private static partial Regex Listening();
}
