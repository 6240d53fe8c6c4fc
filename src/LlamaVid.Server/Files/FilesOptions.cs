using System.ComponentModel.DataAnnotations;

namespace LlamaVid.Server.Files;

/// <summary>Where clients' files are kept, how many and for how long. Read once at start; a wrong value stops the process before it listens.</summary>
public sealed class FilesOptions
{
    public const string Section = "Files";

    /// <summary>The folder. Empty: files last as long as the process.</summary>
    public string Path { get; set; } = "";

    /// <summary>Room on the disk, for all clients together. The same bytes count once.</summary>
    [Range(1, 1 << 30)]
    public int QuotaMegabytes { get; set; } = 20 * 1024;

    /// <summary>Files of all clients together.</summary>
    [Range(1, 10_000_000)]
    public int MaxFiles { get; set; } = 100_000;

    /// <summary>How long a file is kept whose client does not say; 0 for ever.</summary>
    [Range(typeof(TimeSpan), "00:00:00", "3650.00:00:00")]
    public TimeSpan KeepFor { get; set; } = TimeSpan.FromDays(30);

    /// <summary>A file that nobody has used for so long goes when another needs its room, the longest unused first.</summary>
    [Range(typeof(TimeSpan), "00:00:00", "3650.00:00:00")]
    public TimeSpan EvictAfter { get; set; } = TimeSpan.FromDays(1);

    /// <summary>Uploads in parts that one client may have begun and not ended.</summary>
    [Range(1, 100_000)]
    public int MaxPendingUploads { get; set; } = 32;

    /// <summary>How long an upload may take from its first word to its last.</summary>
    [Range(typeof(TimeSpan), "00:00:01", "30.00:00:00")]
    public TimeSpan KeepUploadsFor { get; set; } = TimeSpan.FromDays(1);
}
