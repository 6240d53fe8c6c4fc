using System.Diagnostics;
using FFMpegCore;
using Instances;
using Instances.Exceptions;

namespace LlamaVid.Media;

/// <summary>Where ffmpeg and ffprobe are, and what every run of either must be told before it may open a file. Knows nothing of frames.</summary>
internal sealed class FfmpegTools
{
    private static readonly string[] KeptVariables = ["PATH", "LD_LIBRARY_PATH", "HOME", "TMPDIR"];

    /// <summary>Of a single block that ffmpeg may allocate; a frame of the largest size allowed by default takes 285 MB at 16 bits and four channels.</summary>
    private const long MaxBlockBytes = 1L << 30;

    private readonly MediaOptions _options;
    private readonly string _folder;

    public FfmpegTools(MediaOptions options)
    {
        _options = options;
        _folder = FolderOf("ffmpeg", options);
        FolderOf("ffprobe", options);
    }

    /// <summary>What goes before <c>-i</c> when frames are decoded. Only decoders from our list; ffprobe cannot be held to it, as it opens one for every stream or fails.</summary>
    public string DecoderGuards(MediaFormat format) => $"{InputGuards(format, _options.MaxPixels)} -codec_whitelist {MediaFormat.Decoders}";

    public FFOptions RunOptions(Workspace workspace) => new() { BinaryFolder = _folder, WorkingDirectory = workspace.Folder };

    /// <summary>Runs ffprobe on the workspace's media within the time limit and hands over its lines of output as they come.</summary>
    /// <remarks>Not through FFProbe.AnalyseAsync: its model has no exact rates, packet counts or display matrices, and it keeps all output in memory.</remarks>
    /// <returns>The exit code; null when <paramref name="line"/> asked to stop.</returns>
    /// <param name="line">Called with each line; false stops the run.</param>
    public async Task<int?> ProbeAsync(Workspace workspace, MediaFormat format, string what, Func<string, bool> line, CancellationToken cancellationToken)
    {
        // Somewhat larger frames are let through here, so that they can be refused with their numbers.
        var guards = InputGuards(format, 4L * _options.MaxPixels);
        var start = new ProcessStartInfo(Path.Combine(_folder, "ffprobe"), $"-v fatal {guards} {what} -i {Workspace.MediaUrl}")
        {
            WorkingDirectory = workspace.Folder,
        };
        foreach (var name in start.Environment.Keys.Except(KeptVariables).ToArray()) start.Environment.Remove(name);

        using var stop = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken);
        stop.CancelAfter(_options.ProbeTimeout);
        var stopped = false;
        var arguments = new ProcessArguments(start) { DataBufferCapacity = 1 };
        arguments.OutputDataReceived += (_, text) =>
        {
            if (stopped || line(text)) return;
            stopped = true;
            stop.Cancel();
        };

        using var process = arguments.Start();
        // Not WaitForExitAsync(token): its own registration outlives the process and then throws inside whoever cancels.
        using var killing = stop.Token.UnsafeRegister(running => Kill((IProcessInstance)running!), process);
        var result = await process.WaitForExitAsync(CancellationToken.None).ConfigureAwait(false);
        cancellationToken.ThrowIfCancellationRequested();
        if (stopped) return null;
        return stop.IsCancellationRequested
            ? throw new VideoUnreadableException(
                $"looking into it took longer than {_options.ProbeTimeout.TotalSeconds:0.#} s (Media:ProbeTimeout). Send a smaller or simpler file.")
            : result.ExitCode;
    }

    private static void Kill(IProcessInstance process)
    {
        try
        {
            process.Kill();
        }
        catch (InstanceProcessAlreadyExitedException)
        {
            // That is what was wanted.
        }
    }

    /// <summary>One demuxer, picked by us from the content; files only, no network; bounds on frame size and memory.</summary>
    /// <remarks>Without these a playlist renamed .mp4 makes ffmpeg open any file or address it names.</remarks>
    private static string InputGuards(MediaFormat format, long maxPixels) =>
        $"-protocol_whitelist file -format_whitelist {format.Demuxer} -f {format.Demuxer} -max_pixels {maxPixels} -max_alloc {MaxBlockBytes}";

    private static string FolderOf(string tool, MediaOptions options)
    {
        var folders = options.FfmpegPath.Length > 0 ? [Path.GetFullPath(options.FfmpegPath)]
            : (Environment.GetEnvironmentVariable("PATH") ?? "").Split(Path.PathSeparator, StringSplitOptions.RemoveEmptyEntries).Where(Path.IsPathFullyQualified);
        return folders.FirstOrDefault(folder => File.Exists(Path.Combine(folder, tool))) ?? throw new FfmpegNotFoundException(tool, options.FfmpegPath);
    }
}
