namespace LlamaVid.Engine;

/// <summary>Adds up the time that one request spends in each stage.</summary>
internal sealed class RequestClock(TimeProvider time)
{
    private readonly long _submitted = time.GetTimestamp();
    private TimeSpan _queue, _fetch, _vision, _firstToken;
    private long _started, _seen;

    public long Now => time.GetTimestamp();

    public void Fetched(long since) => _fetch = time.GetElapsedTime(since);

    /// <summary>A worker takes the request: the queue ends here. Fetching is counted apart from waiting.</summary>
    public void Start()
    {
        _queue = time.GetElapsedTime(_submitted) - _fetch;
        _started = _seen = Now;
    }

    /// <summary>Frames of this request went through the tower or were compressed to tokens.</summary>
    public void Encoded(long since) => _vision += time.GetElapsedTime(since);

    /// <summary>All frames are seen.</summary>
    public void Seen() => _seen = Now;

    /// <summary>A token was drawn; the first one counts.</summary>
    public void Token()
    {
        if (_firstToken == TimeSpan.Zero) _firstToken = time.GetElapsedTime(_submitted);
    }

    /// <summary>Now is the end. What seeing took beyond the tower's work was spent waiting for decoded frames and for other sequences' shares.</summary>
    public GenerationTimings Timings()
    {
        var untilSeen = time.GetElapsedTime(_submitted, _seen);
        return new(
            _queue.TotalMilliseconds, _fetch.TotalMilliseconds, (time.GetElapsedTime(_started, _seen) - _vision).TotalMilliseconds, _vision.TotalMilliseconds,
            (_firstToken - untilSeen).TotalMilliseconds, (time.GetElapsedTime(_submitted) - _firstToken).TotalMilliseconds, _firstToken.TotalMilliseconds);
    }
}
