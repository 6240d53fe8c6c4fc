using System.Net.Sockets;
using FFMpegCore;
using Microsoft.Extensions.Logging;

namespace LlamaVid.Media;

/// <summary>One ffmpeg child, started through FFMpegCore, that writes to sockets of ours. Disposing it leaves no process, socket or handle. Knows nothing of frames.</summary>
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
    private Action _cancel = null!;
    private Task<FFMpegResult> _ffmpeg = null!;

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
        }
        catch
        {
            run.CloseSockets();
            throw;
        }

        var names = run._sockets.ConvertAll(socket => socket.Name);
        // Fatal only, unless someone reads it: FFMpegCore keeps every line, and a damaged file may cause millions.
        var verbosity = logger.IsEnabled(LogLevel.Debug) ? "error" : "fatal";
        var processor = FFMpegArguments
            .FromFileInput(Workspace.MediaUrl, verifyExists: false, options => options.WithCustomArgument($"-nostdin -hide_banner -v {verbosity} {input}"))
            .OutputToUrl($"unix:{names[0]}", options => options.WithCustomArgument(output(names)))
            .NotifyOnStandardError(run.Keep)
            .CancellableThrough(out run._cancel, TimeSpan.Zero);
        run._ffmpeg = processor.ProcessAsynchronously(throwOnError: false, tools.RunOptions(workspace));
        return run;
    }

    /// <summary>The stream that ffmpeg opened on one of the sockets; null when it ended without opening it.</summary>
    public async Task<Stream?> AcceptAsync(int socket, CancellationToken cancellationToken)
    {
        var listener = _sockets[socket].Listener;
        using var stop = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken);
        var accepted = listener.AcceptAsync(stop.Token).AsTask();
        if (await Task.WhenAny(accepted, _ffmpeg).ConfigureAwait(false) != accepted && !accepted.IsCompleted && !listener.Poll(0, SelectMode.SelectRead))
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
        var killed = !_ffmpeg.IsCompleted;
        while (!_ffmpeg.IsCompleted)
        {
            // Again until it takes: a cancellation that meets the child just starting is lost inside FFMpegCore.
            try
            {
                _cancel();
            }
            catch (Exception exception) when (exception is not OutOfMemoryException)
            {
                // The child ended meanwhile; which exception tells so depends on the moment.
            }
            await Task.WhenAny(_ffmpeg, Task.Delay(20)).ConfigureAwait(false);
        }
        CloseSockets();
        if (_ffmpeg.IsFaulted) _logger.FfmpegDidNotRun(_ffmpeg.Exception);
        else if (!killed && _ffmpeg is { IsCompletedSuccessfully: true, Result.Success: false }) _logger.FfmpegFailed(Log());
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
