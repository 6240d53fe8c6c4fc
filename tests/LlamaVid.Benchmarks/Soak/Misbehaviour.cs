namespace LlamaVid.Benchmarks.Soak;

/// <summary>One request of a soak.</summary>
/// <param name="LeaveAfter">the client goes away after so many pieces of text; null stays</param>
/// <param name="LeaveIn">or after so long; null stays</param>
/// <param name="MayBeRefused">its video is broken, and to say so is a proper answer</param>
internal sealed record SoakRequest(string Body, int? LeaveAfter, TimeSpan? LeaveIn, bool MayBeRefused);

/// <summary>Draws requests as a bad day brings them: texts, videos known, new, cut or garbled, and clients that leave. One seed, one day.</summary>
internal sealed class Misbehaviour(Traffic.ClipSupply clips, int maxTokens, int seed)
{
    private readonly Random _random = new(seed);
    private readonly Lock _gate = new();
    private int _count;

    public SoakRequest Next()
    {
        lock (_gate)
        {
            var kind = _random.Next(100);
            var question = $"Request {++_count}: what happens?";
            var isBroken = kind >= 85;
            var video = kind switch
            {
                < 40 => null,
                < 65 => clips.Known(_random.Next(clips.Count)),
                < 85 => clips.Fresh(),
                _ => Break(clips.Fresh()),
            };
            var leaves = _random.Next(100);
            return new(
                Traffic.ChatBody.Of(question, video, _random.Next(1, maxTokens + 1)),
                leaves < 10 ? _random.Next(1, 6) : null, leaves is >= 10 and < 25 ? TimeSpan.FromMilliseconds(_random.Next(1, 1500)) : null, isBroken);
        }
    }

    /// <summary>A request of a burst: short, so that the line is full of them and soon empty again.</summary>
    public SoakRequest NextOfBurst()
    {
        lock (_gate) return new(Traffic.ChatBody.Of($"Request {++_count}: quick!", null, 4), null, null, false);
    }

    private byte[] Break(byte[] video)
    {
        if (_random.Next(2) == 0) return video[.._random.Next(1, video.Length)];
        for (var i = 0; i < 64; i++) video[_random.Next(video.Length)] = (byte)_random.Next(256);
        return video;
    }
}
