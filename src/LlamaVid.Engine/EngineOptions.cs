using System.ComponentModel.DataAnnotations;

namespace LlamaVid.Engine;

/// <summary>Limits of the engine. Read once at start; a wrong value stops the process before it listens.</summary>
public sealed class EngineOptions
{
    public const string Section = "Engine";

    /// <summary>Requests that may wait. One more is refused at once.</summary>
    [Range(0, 100_000)]
    public int MaxWaitingRequests { get; set; } = 64;

    /// <summary>Longest time a request may wait before it is given up.</summary>
    [Range(typeof(TimeSpan), "00:00:01", "1.00:00:00")]
    public TimeSpan QueueTimeout { get; set; } = TimeSpan.FromMinutes(10);

    /// <summary>Longest time from a request's arrival to the end of its answer. Zero: no limit.</summary>
    [Range(typeof(TimeSpan), "00:00:00", "7.00:00:00")]
    public TimeSpan RequestTimeout { get; set; }

    /// <summary>Tokens generated when a request does not say.</summary>
    [Range(1, 65_536)]
    public int DefaultMaxTokens { get; set; } = 512;

    /// <summary>Frames encoded by the vision tower in one pass.</summary>
    [Range(1, 1024)]
    public int MaxFramesPerStep { get; set; } = 16;

    /// <summary>Prompt positions computed in one pass; longer prompts are prefilled in chunks.</summary>
    [Range(16, 65_536)]
    public int MaxPrefillTokensPerStep { get; set; } = 512;

    /// <summary>How many times as long a step may become by frames and prompts of other requests while answers are being written; each further one near its first token adds as much.</summary>
    [Range(1.1, 1000)]
    public double MaxStepStretch { get; set; } = 1.75;

    /// <summary>Requests of one client that may wait or run at a time; 0 for no limit.</summary>
    [Range(0, 100_000)]
    public int MaxRequestsPerClient { get; set; }

    /// <summary>Sequences that one worker advances together.</summary>
    [Range(1, 1024)]
    public int MaxRunningSequences { get; set; } = 32;

    /// <summary>One worker for each, as in <c>cuda:0,cuda:1</c> or <c>cuda:0+cuda:1,cuda:2+cuda:3</c>; workers of the same devices share their weights. Empty: one worker, on Model:Device.</summary>
    [RegularExpression($"({ModelOptions.DevicePattern}(,{ModelOptions.DevicePattern})*)?", ErrorMessage = "must be devices with commas between them, as in cuda:0,cuda:1")]
    [DistinctDevices]
    public string Devices { get; set; } = "";

    /// <summary>Positions whose keys and values one worker holds. 0: four full contexts, or fewer in a quarter of the memory, but one at least.</summary>
    [Range(0, int.MaxValue)]
    public int KvCacheTokens { get; set; }

    /// <summary>Memory for features of videos that may be asked about again, per worker.</summary>
    [Range(0, 1_000_000)]
    public int FeatureCacheMegabytes { get; set; } = 2048;

    /// <summary>Folder in which features of videos outlive the process. Empty: none.</summary>
    public string FeatureStorePath { get; set; } = "";

    /// <summary>Disk space for <see cref="FeatureStorePath"/>; what was used longest ago goes first.</summary>
    [Range(1, 10_000_000)]
    public int FeatureStoreMegabytes { get; set; } = 10_240;
}
