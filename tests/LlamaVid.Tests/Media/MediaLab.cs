using System.Diagnostics;
using System.Security.Cryptography;
using LlamaVid.Media;
using Microsoft.Extensions.Logging.Abstractions;

namespace LlamaVid.Tests.Media;

/// <summary>An opener with a temporary folder of its own, and the claim that nothing is left when the test is over: no file, no child process.</summary>
internal sealed class MediaLab : IAsyncDisposable
{
    private readonly DirectoryInfo _temp = Directory.CreateTempSubdirectory("lv");
    private readonly DirectoryInfo _files = Directory.CreateTempSubdirectory("lvf");

    public MediaLab(Action<MediaOptions>? configure = null)
    {
        Options = new() { TempDirectory = _temp.FullName };
        configure?.Invoke(Options);
        Opener = new(Options, NullLogger.Instance);
    }

    public MediaOptions Options { get; }
    public MediaOpener Opener { get; }

    public static CancellationToken Cancel => TestContext.Current.CancellationToken;

    /// <summary>A path for a file that the test makes; not where the opener puts its own.</summary>
    public string NewFile(string name) => Path.Combine(_files.FullName, name);

    public Task<OpenedMedia> OpenAsync(string path) => Opener.OpenAsync(new MediaSource.LocalFile(path), Cancel);

    public async Task<List<Seen>> ReadAsync(string path, FrameSampling? sampling = null) => await ReadAsync(new MediaSource.LocalFile(path), sampling);

    public async Task<List<Seen>> ReadAsync(MediaSource source, FrameSampling? sampling = null)
    {
        await using var media = await Opener.OpenAsync(source, Cancel);
        return await ReadAsync(media, sampling);
    }

    public static async Task<List<Seen>> ReadAsync(OpenedMedia media, FrameSampling? sampling = null)
    {
        var seen = new List<Seen>();
        await foreach (var frame in media.ReadFramesAsync(media.Plan(sampling ?? new()), Cancel))
            using (frame)
                seen.Add(new(frame.Index, frame.Timestamp, frame.Width, frame.Height, Sha256(frame.Rgb24.Span)));
        return seen;
    }

    /// <summary>Every frame: the rate asked for is above any video's.</summary>
    public static FrameSampling All => new() { FramesPerSecond = 1e9 };

    public static string Sha256(ReadOnlySpan<byte> bytes) => Convert.ToHexStringLower(SHA256.HashData(bytes));

    public IReadOnlyList<string> LeftFiles() => [.. _temp.EnumerateFileSystemInfos("*", SearchOption.AllDirectories).Select(entry => entry.FullName)];

    /// <summary>Children of the opener are recognised by the folder they run in.</summary>
    public IReadOnlyList<string> LeftProcesses() =>
        [.. Directory.EnumerateDirectories("/proc").Where(process => WorkingFolder(process)?.StartsWith(_temp.FullName, StringComparison.Ordinal) == true)];

    public async ValueTask DisposeAsync()
    {
        Opener.Dispose();
        Assert.Empty(LeftProcesses());
        Assert.Empty(LeftFiles());
        _temp.Delete(recursive: true);
        _files.Delete(recursive: true);
        await Task.CompletedTask;
    }

    /// <summary>The system's ffmpeg or ffprobe, as a user would run it: the oracle.</summary>
    public static async Task<byte[]> RunAsync(string tool, params string[] arguments)
    {
        var start = new ProcessStartInfo(tool, arguments) { RedirectStandardOutput = true, RedirectStandardError = true };
        using var process = Process.Start(start)!;
        var errors = process.StandardError.ReadToEndAsync(Cancel);
        using var output = new MemoryStream();
        await process.StandardOutput.BaseStream.CopyToAsync(output, Cancel);
        await errors;
        await process.WaitForExitAsync(Cancel);
        return output.ToArray();
    }

    /// <summary>Makes a clip with ffmpeg's test sources.</summary>
    public async Task<string> MakeAsync(string name, params string[] arguments)
    {
        var path = NewFile(name);
        await RunAsync("ffmpeg", [.. (string[])["-v", "error", "-nostdin"], .. arguments, "-y", "file:" + path]);
        Assert.True(File.Exists(path), $"ffmpeg made no {name}");
        return path;
    }

    private static string? WorkingFolder(string process)
    {
        try
        {
            return new FileInfo(Path.Combine(process, "cwd")).LinkTarget;
        }
        catch (Exception exception) when (exception is IOException or UnauthorizedAccessException)
        {
            return null;
        }
    }

    internal sealed record Seen(long Index, double Timestamp, int Width, int Height, string Sha256);
}
