using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;

namespace LlamaVid.Model;

/// <summary>Makes libtorch's threads wait politely: set before the library is loaded, and only where the operator has not chosen.</summary>
/// <remarks>
/// libgomp lets a thread that waits for others spin for milliseconds. ffmpeg decodes on the same cores while the tower runs, so spinning takes the time of
/// those that are waited for: 16 frames through the embedded tower took 230–480 ms beside other load and take 30–45 ms with a short spin, as when alone.
/// </remarks>
internal static partial class OpenMpSettings
{
    private const string ShortSpin = "1000";

    [ModuleInitializer]
    internal static void Apply()
    {
        if (!OperatingSystem.IsLinux() || Environment.GetEnvironmentVariable("OMP_WAIT_POLICY") is not null) return;
        _ = SetEnvironment("GOMP_SPINCOUNT", ShortSpin, overwrite: 0);
    }

    /// <summary>The process's own environment, which native libraries read; .NET's copy of it is not seen by them.</summary>
    [LibraryImport("libc", EntryPoint = "setenv", StringMarshalling = StringMarshalling.Utf8)]
    private static partial int SetEnvironment(string name, string value, int overwrite);
}
