namespace LlamaVid.Benchmarks.Traffic;

/// <summary>What requests ask about.</summary>
internal enum TrafficKind { Text, Video, Both }

/// <summary>The requests of one case, one after the other. Any thread. Every question is another, so that no answer's beginning is known.</summary>
/// <param name="isKnown">videos come again and again, instead of being new each time</param>
internal sealed class Workload(TrafficKind kind, bool isKnown, ClipSupply clips, int maxTokens)
{
    private int _count;

    public TrafficKind Kind => kind;

    /// <summary>Null where no videos are shown.</summary>
    public bool? IsKnown => kind == TrafficKind.Text ? null : isKnown;

    public string Next()
    {
        var number = Interlocked.Increment(ref _count);
        var showsVideo = kind == TrafficKind.Video || kind == TrafficKind.Both && number % 2 == 0;
        if (!showsVideo) return ChatBody.Of($"Request {number}: tell what you see when you close your eyes.", null, maxTokens);
        return ChatBody.Of($"Request {number}: what happens in the video?", isKnown ? clips.Known(number / 2) : clips.Fresh(), maxTokens);
    }

    /// <summary>One request for each video that will come again.</summary>
    public IEnumerable<string> ToMakeKnown() => IsKnown == true
        ? Enumerable.Range(0, clips.Count).Select(number => ChatBody.Of("What is there?", clips.Known(number), 1))
        : [];
}
