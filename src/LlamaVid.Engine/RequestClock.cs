namespace LlamaVid.Engine;

/// <summary>Adds up the time that one request spends in each stage.</summary>
internal sealed class RequestClock(TimeProvider time)
{
    private readonly long _submitted = time.GetTimestamp();
    private TimeSpan _queue, _fetch, _decodeVideo, _vision, _prefill, _decode, _firstToken;

    /// <summary>The engine takes the request: the queue ends here. Fetching is counted apart from waiting.</summary>
    public void Start() => _queue = time.GetElapsedTime(_submitted) - _fetch;

    public void Fetched(long since) => _fetch = time.GetElapsedTime(since);
    public void WaitedForFrames(long since) => _decodeVideo += time.GetElapsedTime(since);
    public void Encoded(long since) => _vision += time.GetElapsedTime(since);
    public void Prefilled(long since) => _prefill += time.GetElapsedTime(since);
    public void Decoded(long since) => _decode = time.GetElapsedTime(since);

    /// <summary>A token was drawn; the first one counts.</summary>
    public void Token()
    {
        if (_firstToken == TimeSpan.Zero) _firstToken = time.GetElapsedTime(_submitted);
    }

    public long Now => time.GetTimestamp();

    public GenerationTimings Timings => new(
        _queue.TotalMilliseconds, _fetch.TotalMilliseconds, _decodeVideo.TotalMilliseconds, _vision.TotalMilliseconds,
        _prefill.TotalMilliseconds, _decode.TotalMilliseconds, _firstToken.TotalMilliseconds);
}
