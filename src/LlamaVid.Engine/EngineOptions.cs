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

    /// <summary>Tokens generated when a request does not say.</summary>
    [Range(1, 65_536)]
    public int DefaultMaxTokens { get; set; } = 512;

    /// <summary>Frames encoded by the vision tower in one pass.</summary>
    [Range(1, 1024)]
    public int MaxFramesPerStep { get; set; } = 16;

    /// <summary>Prompt positions computed in one pass; longer prompts are prefilled in chunks.</summary>
    [Range(16, 65_536)]
    public int MaxPrefillTokensPerStep { get; set; } = 512;
}
