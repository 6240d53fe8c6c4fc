using LlamaVid.Media;
using Microsoft.Extensions.Logging;

namespace LlamaVid.Tests.Media;

/// <summary>What a decoder cannot do, tried by a shell in its place.</summary>
public sealed class DecoderProcessTests : IDisposable
{
    private const string AwaitLimits = "until [ \"$(ulimit -f)\" = 0 ] && [ \"$(ulimit -n)\" = 64 ]; do :; done; ";

    private readonly string _folder = Directory.CreateTempSubdirectory("lv").FullName;

    [Fact]
    public async Task It_is_held_to_its_time_memory_and_files()
    {
        var (code, lines) = await RunAsync("ulimit -t; ulimit -v; ulimit -f; ulimit -n; ulimit -c");
        Assert.Equal((0, "7 1048576 0 64 0"), (code, string.Join(' ', lines)));
    }

    [Fact]
    public async Task It_writes_no_file()
    {
        var (_, lines) = await RunAsync("(echo x > file) 2>/dev/null; wc -c < file");
        Assert.Equal("0", lines[^1].Trim());
    }

    [Fact]
    public async Task It_ends_when_its_time_is_used_up()
    {
        var (code, _) = await RunAsync("while :; do :; done", seconds: 1);
        Assert.True(DecoderProcess.WasStopped(code));
    }

    [Fact]
    public async Task It_sees_nothing_of_our_environment()
    {
        Environment.SetEnvironmentVariable("LLAMAVID__Security__Secret", "s3cret");
        var (_, lines) = await RunAsync("env");
        Assert.Empty(lines.Select(line => line.Split('=')[0]).Except(["PATH", "LD_LIBRARY_PATH", "PWD", "OLDPWD", "SHLVL", "_"]));
    }

    [Fact(Timeout = 60_000)]
    public async Task Killing_it_kills_its_children()
    {
        var first = new TaskCompletionSource<string>();
        var process = DecoderProcess.Start("sh", "-c \"sleep 600 & echo $!; wait\"", _folder, new(TimeSpan.FromSeconds(60), 1L << 30), line => first.TrySetResult(line), _ => { });
        var pid = await first.Task.WaitAsync(TimeSpan.FromSeconds(30), TestContext.Current.CancellationToken);
        await process.DisposeAsync();
        Assert.False(File.Exists($"/proc/{pid}/cmdline") && (await File.ReadAllTextAsync($"/proc/{pid}/cmdline", TestContext.Current.CancellationToken)).Contains("600", StringComparison.Ordinal));
    }

    [Fact]
    public async Task Isolated_it_has_no_network_and_decodes_the_same()
    {
        var log = new Lines();
        await using var free = new MediaLab(options => options.Isolation = DecoderIsolation.Off);
        var path = await free.MakeAsync("a.mp4", "-f", "lavfi", "-i", "testsrc=size=64x48:rate=10:duration=1");
        using (new MediaOpener(new() { TempDirectory = _folder }, log)) { }
        Assert.SkipWhen(log.Any("without namespaces"), "this system gives no namespaces");

        await using var isolated = new MediaLab(options => options.Isolation = DecoderIsolation.Required);
        Assert.Equal(await free.ReadAsync(path), await isolated.ReadAsync(path));
        var devices = new List<string>();
        await MediaLab.RunAsync("sh", "-c", "cd \"$0\" && printf '#!/bin/sh\\ncat /proc/net/dev >&2\\n' > ffmpeg && chmod 700 ffmpeg && ln -s \"$(command -v ffprobe)\" ffprobe", _folder);
        var tools = new FfmpegTools(new() { FfmpegPath = _folder, Isolation = DecoderIsolation.Required }, log);
        using (var workspace = Workspace.Create(new() { TempDirectory = _folder }))
        await using (var process = tools.Decode(workspace, "", devices.Add))
            await process.Ended;
        Assert.DoesNotContain(devices, line => line.TrimStart().StartsWith('e') || line.TrimStart().StartsWith('w'));       // eth0, ens3, wlan0
        Assert.Contains(devices, line => line.Contains("lo:", StringComparison.Ordinal));
        Assert.True(log.Any("without network"));
    }

    private async Task<(int Code, List<string> Lines)> RunAsync(string script, int seconds = 7)
    {
        var lines = new List<string>();
        var limits = new DecoderLimits(TimeSpan.FromSeconds(seconds), 1L << 30);
        await File.WriteAllTextAsync(Path.Combine(_folder, "script"), AwaitLimits + script, TestContext.Current.CancellationToken);
        await using var process = DecoderProcess.Start("sh", "script", _folder, limits, lines.Add, _ => { });
        return (await process.Ended.WaitAsync(TimeSpan.FromSeconds(60), TestContext.Current.CancellationToken), lines);
    }

    public void Dispose() => Directory.Delete(_folder, recursive: true);

    private sealed class Lines : ILogger
    {
        private readonly List<string> _lines = [];

        public bool Any(string text) => _lines.Any(line => line.Contains(text, StringComparison.Ordinal));

        public void Log<TState>(LogLevel level, EventId id, TState state, Exception? exception, Func<TState, Exception?, string> text) => _lines.Add(text(state, exception));

        public bool IsEnabled(LogLevel level) => true;

        public IDisposable? BeginScope<TState>(TState state) where TState : notnull => null;
    }
}
