using System.ComponentModel.DataAnnotations;

namespace LlamaVid.Server.Jobs;

/// <summary>Limits of background work. Read once at start; a wrong value stops the process before it listens.</summary>
public sealed class JobOptions
{
    public const string Section = "Jobs";

    /// <summary>Folder in which jobs outlive the process; one process at a time may have it. Empty: nothing is taken in the background.</summary>
    public string Path { get; set; } = "";

    /// <summary>Jobs that are answered at a time. They share the engine with the requests that somebody waits for, which go first.</summary>
    [Range(1, 1024)]
    public int MaxRunning { get; set; } = 4;

    /// <summary>Jobs of one owner that are kept, waiting or ended.</summary>
    [Range(1, 1_000_000)]
    public int MaxPerOwner { get; set; } = 1000;

    /// <summary>Batches of one owner that have not ended.</summary>
    [Range(0, 10_000)]
    public int MaxBatchesPerOwner { get; set; } = 10;

    /// <summary>Disk space for the requests that wait and the results that are kept.</summary>
    [Range(1, 10_000_000)]
    public int MaxMegabytes { get; set; } = 10_240;

    /// <summary>How long a job is kept after its end.</summary>
    [Range(typeof(TimeSpan), "00:00:01", "365.00:00:00")]
    public TimeSpan KeepResults { get; set; } = TimeSpan.FromDays(1);

    /// <summary>How often a job is begun when the process ends under it; then it counts as the cause.</summary>
    [Range(1, 1_000_000)]
    public int MaxAttempts { get; set; } = 10;

    /// <summary>Longest <c>?wait=</c>; one that asks for more waits this long.</summary>
    [Range(typeof(TimeSpan), "00:00:00", "01:00:00")]
    public TimeSpan MaxWait { get; set; } = TimeSpan.FromMinutes(1);

    /// <summary>How long a webhook's receiver may take to answer.</summary>
    [Range(typeof(TimeSpan), "00:00:00.100", "00:05:00")]
    public TimeSpan WebhookTimeout { get; set; } = TimeSpan.FromSeconds(10);

    /// <summary>How often a message is sent to a receiver that does not answer with a 2xx status.</summary>
    [Range(1, 20)]
    public int WebhookAttempts { get; set; } = 8;

    /// <summary>Pause before a message is sent the second time; each further one is four times as long.</summary>
    [Range(typeof(TimeSpan), "00:00:00.010", "01:00:00")]
    public TimeSpan WebhookDelay { get; set; } = TimeSpan.FromSeconds(5);
}
