using System.ComponentModel.DataAnnotations;
using System.Text;

namespace LlamaVid.Media;

/// <summary>Where decoders run. <see cref="Auto"/> says in the log which it came to.</summary>
public enum DecoderIsolation { Auto, Required, Off }

/// <summary>Limits on what is fetched and decoded, and where the tools are. Read once at start; a wrong value stops the process before it listens.</summary>
public sealed class MediaOptions : IValidatableObject
{
    public const string Section = "Media";

    /// <summary>Bytes of one video or picture, however it arrives.</summary>
    [Range(1L, 1L << 40)]
    public long MaxBytes { get; set; } = 2L << 30;

    /// <summary>Length of a video. What counts is where its packets end, not what its header claims.</summary>
    [Range(typeof(TimeSpan), "00:00:01", "2.00:00:00")]
    public TimeSpan MaxDuration { get; set; } = TimeSpan.FromHours(4);

    /// <summary>Frames taken from one video.</summary>
    [Range(1, 1_000_000)]
    public int MaxFrames { get; set; } = 4096;

    /// <summary>Width × height of one frame. The default admits 8K.</summary>
    [Range(1, 1 << 28)]
    public int MaxPixels { get; set; } = 8192 * 4352;

    /// <summary>Streams (video, audio, subtitles, data) in one file.</summary>
    [Range(1, 1000)]
    public int MaxStreams { get; set; } = 64;

    /// <summary>Whether clients may name addresses to fetch from.</summary>
    public bool AllowUrls { get; set; } = true;

    /// <summary>Whether plain http is fetched as well as https.</summary>
    public bool AllowHttp { get; set; }

    /// <summary>When not empty, only these hosts are fetched from. <c>example.com</c> is that host, <c>.example.com</c> that host and all below it.</summary>
    public IList<string> AllowedHosts { get; set; } = [];

    /// <summary>Hosts that are never fetched from; same form as <see cref="AllowedHosts"/>.</summary>
    public IList<string> DeniedHosts { get; set; } = [];

    /// <summary>Ports that may be fetched from beside the standard ones of https and http.</summary>
    public IList<int> AllowedPorts { get; set; } = [];

    /// <summary>Lets clients reach the server's own network, on any port. Only for tests and closed installations.</summary>
    public bool AllowPrivateAddresses { get; set; }

    /// <summary>Longest time for one fetch, redirects included.</summary>
    [Range(typeof(TimeSpan), "00:00:01", "1.00:00:00")]
    public TimeSpan FetchTimeout { get; set; } = TimeSpan.FromMinutes(5);

    /// <summary>Longest time for looking into a file before its first frame is decoded.</summary>
    [Range(typeof(TimeSpan), "00:00:01", "01:00:00")]
    public TimeSpan ProbeTimeout { get; set; } = TimeSpan.FromSeconds(30);

    /// <summary>Memory for what was found in media that may come again: headers, times of packets, subtitles. 0: nothing is remembered.</summary>
    [Range(0, 65_536)]
    public int KnownMegabytes { get; set; } = 64;

    /// <summary>Longest time without a decoded frame. A long video may take as long as it keeps moving.</summary>
    [Range(typeof(TimeSpan), "00:00:01", "01:00:00")]
    public TimeSpan DecodeTimeout { get; set; } = TimeSpan.FromSeconds(60);

    /// <summary>Processor time of one run of ffmpeg, over all its threads.</summary>
    [Range(typeof(TimeSpan), "00:00:01", "2.00:00:00")]
    public TimeSpan DecoderCpuTime { get; set; } = TimeSpan.FromHours(2);

    /// <summary>Address space of one run of ffmpeg.</summary>
    [Range(256, 1 << 20)]
    public int DecoderMegabytes { get; set; } = 4096;

    /// <summary>Whether ffmpeg runs in namespaces of its own, without network.</summary>
    public DecoderIsolation Isolation { get; set; } = DecoderIsolation.Auto;

    /// <summary>Where each request gets a private folder of its own. Empty: the system's. Short, because sockets live in it.</summary>
    public string TempDirectory { get; set; } = "";

    /// <summary>Folder that holds ffmpeg and ffprobe. Empty: they are searched in PATH.</summary>
    public string FfmpegPath { get; set; } = "";

    internal string TempRoot => Path.GetFullPath(TempDirectory.Length > 0 ? TempDirectory : Path.GetTempPath());

    public IEnumerable<ValidationResult> Validate(ValidationContext validationContext)
    {
        if (Encoding.UTF8.GetByteCount(TempRoot) is > 70 and var bytes)
            yield return new($"{Section}:TempDirectory is {bytes} bytes long and the limit is 70, because sockets are made in it; choose a shorter path.",
                [nameof(TempDirectory)]);
        foreach (var host in AllowedHosts.Concat(DeniedHosts).Where(host => Uri.CheckHostName(host.TrimStart('.')) == UriHostNameType.Unknown))
            yield return new($"{Section}: '{host}' is not a host name; write example.com, or .example.com for all hosts below it.",
                [nameof(AllowedHosts), nameof(DeniedHosts)]);
    }
}
