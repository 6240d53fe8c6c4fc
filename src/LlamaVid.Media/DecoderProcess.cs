using System.ComponentModel;
using System.Diagnostics;
using System.Runtime.InteropServices;

namespace LlamaVid.Media;

/// <summary>One ffmpeg or ffprobe child, held by the kernel to the time, memory and files it needs. It inherits no environment but its library path. Knows nothing of media.</summary>
/// <remarks>
/// The limits are set from outside right after the start, while the child is still being linked: it has read nothing by then. That costs some microseconds, a launcher that sets them
/// and becomes ffmpeg costs milliseconds (docs/decisions/0021).
/// </remarks>
internal sealed partial class DecoderProcess : IAsyncDisposable
{
    private const int Cpu = 0, FileSize = 1, Core = 4, OpenFiles = 7, AddressSpace = 9;     // of <sys/resource.h> on Linux
    private const int Killed = 128 + 9;                                                     // SIGKILL, by the kernel
    private const ulong MostOpenFiles = 64;

    private static readonly string[] KeptVariables = ["PATH", "LD_LIBRARY_PATH"];

    private readonly Process _process;

    private DecoderProcess(Process process)
    {
        _process = process;
        Ended = EndAsync();
    }

    /// <summary>The exit code, once the child has ended and all its lines have been handed over.</summary>
    public Task<int> Ended { get; }

    /// <summary>Whether an exit code says that the system has stopped the child: its processor time is used up, or the machine's memory.</summary>
    public static bool WasStopped(int exitCode) => exitCode == Killed;

    /// <param name="output">called with each line of standard output; null when nothing is expected there</param>
    /// <param name="errors">called with each line of standard error</param>
    public static DecoderProcess Start(string program, string arguments, string folder, DecoderLimits limits, Action<string>? output, Action<string> errors)
    {
        var start = new ProcessStartInfo(program, arguments)
        {
            WorkingDirectory = folder,
            RedirectStandardInput = true,
            RedirectStandardOutput = true,
            RedirectStandardError = true,
        };
        foreach (var name in start.Environment.Keys.Except(KeptVariables).ToArray()) start.Environment.Remove(name);

        var process = new Process { StartInfo = start };
        process.OutputDataReceived += (_, line) => Hand(output, line);
        process.ErrorDataReceived += (_, line) => Hand(errors, line);
        process.Start();
        var child = new DecoderProcess(process);
        try
        {
            child.Confine(limits);
        }
        catch
        {
            child.Kill();
            throw;
        }
        return child;
    }

    public void Kill()
    {
        try
        {
            _process.Kill(entireProcessTree: true);
        }
        catch (Exception fault) when (fault is InvalidOperationException or Win32Exception)
        {
            // It has ended already, which is what was wanted.
        }
    }

    public async ValueTask DisposeAsync()
    {
        if (!Ended.IsCompleted) Kill();
        await ((Task)Ended).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        _process.Dispose();
    }

    private async Task<int> EndAsync()
    {
        _process.StandardInput.Close();
        _process.BeginOutputReadLine();
        _process.BeginErrorReadLine();
        await _process.WaitForExitAsync().ConfigureAwait(false);
        return _process.ExitCode;
    }

    private static void Hand(Action<string>? taker, DataReceivedEventArgs line)
    {
        if (line.Data is { } text) taker?.Invoke(text);
    }

    private void Confine(DecoderLimits limits)
    {
        if (!OperatingSystem.IsLinux()) return;
        Limit(Cpu, (ulong)Math.Ceiling(limits.CpuTime.TotalSeconds));                           // no warning before: ffmpeg would end as if it were done
        Limit(AddressSpace, (ulong)limits.Bytes);
        Limit(FileSize, 0);                                                                 // sockets and pipes are no files
        Limit(OpenFiles, MostOpenFiles);
        Limit(Core, 0);
    }

    private void Limit(int resource, ulong value)
    {
        if (SetLimit(_process.Id, resource, new(value, value), 0) != 0 && !_process.HasExited)
            throw new Win32Exception(Marshal.GetLastPInvokeError(), "The decoder's limits cannot be set.");
    }

    [LibraryImport("libc", EntryPoint = "prlimit64", SetLastError = true)]
    private static partial int SetLimit(int process, int resource, in Range value, nint old);

    private readonly record struct Range(ulong Soft, ulong Hard);
}

/// <summary>What one child may use.</summary>
internal readonly record struct DecoderLimits(TimeSpan CpuTime, long Bytes);
