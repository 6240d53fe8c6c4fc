using Microsoft.Extensions.Logging;

namespace LlamaVid.Media;

/// <summary>Where ffmpeg and ffprobe are, and what every run of either must be told before it may open a file. Knows nothing of frames.</summary>
internal sealed class FfmpegTools
{
    /// <summary>Of a single block that ffmpeg may allocate; a frame of the largest size allowed by default takes 285 MB at 16 bits and four channels.</summary>
    private const long MaxBlockBytes = 1L << 30;

    /// <summary>Of util-linux's unshare, which becomes the program: a network without a device, and nobody else's shared memory.</summary>
    internal const string Namespaces = "--user --map-current-user --net --ipc";

    private readonly MediaOptions _options;
    private readonly string _folder;
    private readonly bool _isIsolated;

    public FfmpegTools(MediaOptions options, ILogger logger)
    {
        _options = options;
        _folder = FolderOf("ffmpeg", options);
        FolderOf("ffprobe", options);
        if (options.Isolation == DecoderIsolation.Off) return;
        _isIsolated = CanIsolate();
        if (_isIsolated) logger.DecodersAreIsolated();
        else if (options.Isolation == DecoderIsolation.Required) throw new IsolationUnavailableException();
        else logger.DecodersAreNotIsolated();
    }

    /// <summary>What goes before <c>-i</c> when frames are decoded. Only decoders from our list; ffprobe cannot be held to it, as it opens one for every stream or fails.</summary>
    public string DecoderGuards(MediaFormat format) => $"{InputGuards(format, _options.MaxPixels)} -codec_whitelist {MediaFormat.Decoders}";

    /// <summary>What goes before <c>-i</c> when subtitles are read. No decoder of pictures or sound may run.</summary>
    public string SubtitleGuards(MediaFormat format, string decoders) => $"{InputGuards(format, _options.MaxPixels)} -codec_whitelist {decoders}";

    /// <summary>Starts ffmpeg in the workspace.</summary>
    public DecoderProcess Decode(Workspace workspace, string arguments, Action<string> errors) =>
        Start("ffmpeg", arguments, workspace.Folder, new(_options.DecoderCpuTime, MemoryBytes), output: null, errors);

    /// <summary>Runs ffprobe on the workspace's media within the time limit and hands over its lines of output as they come.</summary>
    /// <remarks>Not through FFProbe.AnalyseAsync: its model has no exact rates, packet counts or display matrices, and it keeps all output in memory.</remarks>
    /// <returns>The exit code; null when <paramref name="line"/> asked to stop.</returns>
    /// <param name="line">Called with each line; false stops the run.</param>
    public async Task<int?> ProbeAsync(Workspace workspace, MediaFormat format, string what, Func<string, bool> line, CancellationToken cancellationToken)
    {
        // Somewhat larger frames are let through here, so that they can be refused with their numbers.
        var arguments = $"-v fatal {InputGuards(format, 4L * _options.MaxPixels)} {what} -i {Workspace.MediaUrl}";
        using var stop = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken);
        stop.CancelAfter(_options.ProbeTimeout);
        var stopped = false;
        var process = Start("ffprobe", arguments, workspace.Folder, new(2 * _options.ProbeTimeout, MemoryBytes), Take, _ => { });
        await using var _ = process.ConfigureAwait(false);
        using var killing = stop.Token.UnsafeRegister(static running => ((DecoderProcess)running!).Kill(), process);
        var exitCode = await process.Ended.ConfigureAwait(false);
        cancellationToken.ThrowIfCancellationRequested();
        if (stopped) return null;
        return stop.IsCancellationRequested || DecoderProcess.WasStopped(exitCode)
            ? throw new VideoUnreadableException(
                $"looking into it took longer than {_options.ProbeTimeout.TotalSeconds:0.#} s (Media:ProbeTimeout). Send a smaller or simpler file.")
            : exitCode;

        void Take(string text)
        {
            if (stopped || line(text)) return;
            stopped = true;
            stop.Cancel();
        }
    }

    private long MemoryBytes => (long)_options.DecoderMegabytes << 20;

    private DecoderProcess Start(string tool, string arguments, string folder, DecoderLimits limits, Action<string>? output, Action<string> errors)
    {
        var path = Path.Combine(_folder, tool);
        return _isIsolated
            ? DecoderProcess.Start("unshare", $"{Namespaces} \"{path}\" {arguments}", folder, limits, output, errors)
            : DecoderProcess.Start(path, arguments, folder, limits, output, errors);
    }

    /// <summary>Tries it once: whether a kernel, a container and a user may make namespaces is written in no one place.</summary>
    private static bool CanIsolate()
    {
        try
        {
            using var trial = System.Diagnostics.Process.Start(new System.Diagnostics.ProcessStartInfo("unshare", $"{Namespaces} true") { RedirectStandardError = true })!;
            return trial.WaitForExit(TimeSpan.FromSeconds(10)) && trial.ExitCode == 0;
        }
        catch (System.ComponentModel.Win32Exception)
        {
            return false;                                  // there is no unshare
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
