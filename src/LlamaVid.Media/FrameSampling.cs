namespace LlamaVid.Media;

/// <summary>Which frames of a video are looked at. Arithmetic only.</summary>
public sealed record FrameSampling
{
    public const double DefaultFramesPerSecond = 1;

    /// <summary>Frames per second of video. The stride in frames is round-half-to-even(average rate / this), as in the official code. Of separate pictures, which have no rate of their own, it is their rate.</summary>
    public double? FramesPerSecond { get; init; }

    /// <summary>Upper bound on frames: when the stride would give more, this many are taken, evenly spread.</summary>
    public int? MaxFrames { get; init; }

    /// <summary>Seconds of the video's own time; frames before are not looked at.</summary>
    public double? Start { get; init; }

    /// <summary>Seconds of the video's own time; frames at or after are not looked at.</summary>
    public double? End { get; init; }

    /// <summary>The key frame nearest to each frame that would be taken, each once, instead of that frame: what lies between is not decoded.</summary>
    public bool? KeyFrames { get; init; }
}
