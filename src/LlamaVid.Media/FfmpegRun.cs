using System.Net.Sockets;
using FFMpegCore;
using Microsoft.Extensions.Logging;

namespace LlamaVid.Media;

/// <summary>One ffmpeg child, its command line composed by FFMpegCore, that writes to sockets of ours. Disposing it leaves no process, socket or handle. Knows nothing of frames.</summary>
/// <remarks>
/// Sockets of our own, in the private folder: a run may write several outputs (pixels and times), and FFMpegCore's pipe is one, in the
/// temporary folder that all users of the machine share.
/// </remarks>
internal sealed class FfmpegRun : IAsyncDisposable
{
    private const int KeptLogLines = 50;

    private readonly Workspace _workspace;
    private readonly ILogger _logger;
    private readonly Queue<string> _log = new();
    private readonly List<(string Name, Socket Listener)> _sockets = [];
    private DecoderProcess _ffmpeg = null!;

    private FfmpegRun(Workspace workspace, ILogger logger) => (_workspace, _logger) = (workspace, logger);

    /// <param name="sockets">How many sockets ffmpeg will write to.</param>
    /// <param name="output">Options of the output, given the sockets' names; the output itself is the first socket.</param>
    public static FfmpegRun Start(
        FfmpegTools tools, Workspace workspace, string input, int sockets, Func<IReadOnlyList<string>, string> output, ILogger logger)
    {
        var run = new FfmpegRun(workspace, logger);
        try
        {
            for (var i = 0; i < sockets; i++) run.Listen();
            run.Run(tools, input, output);
            return run;
        }
        catch
        {
            run.CloseSockets();
            throw;
        }
    }

    private void Run(FfmpegTools tools, string input, Func<IReadOnlyList<string>, string> output)
    {
        var names = _sockets.ConvertAll(socket => socket.Name);
        // Fatal only, unless someone reads it: a damaged file may cause millions of lines.
        var verbosity = _logger.IsEnabled(LogLevel.Debug) ? "error" : "fatal";
        var command = FFMpegArguments
            .FromFileInput(Workspace.MediaUrl, verifyExists: false, options => options.WithCustomArgument($"-nostdin -hide_banner -v {verbosity} {input}"))
            .OutputToUrl($"unix:{names[0]}", options => options.WithCustomArgument(output(names)));
        _ffmpeg = tools.Decode(_workspace, command.Arguments, Keep);
    }

    /// <summary>The exit code, once ffmpeg has ended.</summary>
    public Task<int> Ended => _ffmpeg.Ended;

    /// <summary>For when the output has ended by itself: a child that was stopped for its time has not said all it had to say.</summary>
    /// <exception cref="VideoTooLargeException">its processor time is used up</exception>
    public async Task RequireItsOwnEndAsync(MediaOptions options)
    {
        if (DecoderProcess.WasStopped(await _ffmpeg.Ended.ConfigureAwait(false))) throw VideoTooLargeException.OfCpuTime(options.DecoderCpuTime);
    }

    /// <summary>The stream that ffmpeg opened on one of the sockets; null when it ended without opening it.</summary>
    public async Task<Stream?> AcceptAsync(int socket, CancellationToken cancellationToken)
    {
        var listener = _sockets[socket].Listener;
        using var stop = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken);
        var accepted = listener.AcceptAsync(stop.Token).AsTask();
        if (await Task.WhenAny(accepted, _ffmpeg.Ended).ConfigureAwait(false) != accepted && !accepted.IsCompleted && !listener.Poll(0, SelectMode.SelectRead))
            await stop.CancelAsync().ConfigureAwait(false);
        try
        {
            return new NetworkStream(await accepted.ConfigureAwait(false), ownsSocket: true);
        }
        catch (OperationCanceledException) when (!cancellationToken.IsCancellationRequested)
        {
            return null;
        }
    }

    public async ValueTask DisposeAsync()
    {
        var hadEnded = _ffmpeg.Ended.IsCompleted;
        await _ffmpeg.DisposeAsync().ConfigureAwait(false);
        CloseSockets();
        if (hadEnded && await _ffmpeg.Ended.ConfigureAwait(false) != 0) _logger.FfmpegFailed(Log());
    }

    private void Listen()
    {
        var name = _workspace.NewSocketName();
        var listener = new Socket(AddressFamily.Unix, SocketType.Stream, ProtocolType.Unspecified);
        _sockets.Add((name, listener));
        listener.Bind(new UnixDomainSocketEndPoint(Path.Combine(_workspace.Folder, name)));
        listener.Listen(1);
    }

    private void CloseSockets()
    {
        foreach (var (name, listener) in _sockets)
        {
            listener.Dispose();
            File.Delete(Path.Combine(_workspace.Folder, name));
        }
    }

    private void Keep(string line)
    {
        lock (_log)
        {
            _log.Enqueue(line.Length > 500 ? line[..500] : line);
            if (_log.Count > KeptLogLines) _log.Dequeue();
        }
    }

    private string Log()
    {
        lock (_log) return string.Join('\n', _log);
    }
}
