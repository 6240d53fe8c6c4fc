namespace LlamaVid.Engine;

/// <summary>The bounded line of waiting requests: by priority, then first come, first served, among those whose media are open. Knows no model.</summary>
/// <param name="limit">requests that may wait</param>
/// <param name="limitPerClient">requests of one client that may wait or run; 0 for no limit</param>
internal sealed class RequestQueue(int limit, int limitPerClient, TimeProvider time)
{
    private const double Smoothing = 0.2;

    private readonly object _gate = new();
    private readonly List<Sequence> _waiting = [];
    private readonly Dictionary<string, int> _ofClient = [];
    private long _lastTaken = time.GetTimestamp();
    private TimeSpan? _pace;                                                // between two departures while others wait
    private bool _closed;
    private int _unfinished;

    /// <summary>Raised without a lock whenever a sequence may have become free to take, or the line is closed.</summary>
    public event Action? Changed;

    public int Count { get { lock (_gate) return _waiting.Count; } }

    /// <summary>Requests that were added and have not ended.</summary>
    public int Unfinished { get { lock (_gate) return _unfinished; } }

    public bool IsClosed { get { lock (_gate) return _closed; } }

    /// <exception cref="EngineOverloadedException">the line is full</exception>
    /// <exception cref="ClientOverloadedException">the client has its share already</exception>
    /// <exception cref="EngineStoppedException">the line is closed</exception>
    public void Add(Sequence sequence)
    {
        lock (_gate)
        {
            if (_closed) throw new EngineStoppedException();
            if (_waiting.Count >= limit) throw new EngineOverloadedException(_waiting.Count, limit);
            CountIn(sequence.Request.Client);
            _unfinished++;
            var place = _waiting.FindIndex(other => other.Request.Priority < sequence.Request.Priority);
            _waiting.Insert(place < 0 ? _waiting.Count : place, sequence);
            Announce();
        }
    }

    /// <summary>The sequence's media are open; it may be taken.</summary>
    public void Ready(Sequence sequence)
    {
        lock (_gate) sequence.IsReady = true;
        Changed?.Invoke();
    }

    public void Remove(Sequence sequence)
    {
        lock (_gate)
            if (_waiting.Remove(sequence))
                Announce();
        Changed?.Invoke();
    }

    /// <summary>The first sequence in line that <paramref name="worker"/> may take, if it fits; nobody overtakes one that does not fit yet.</summary>
    public Sequence? TryTake(Worker worker, Func<Sequence, bool> fits)
    {
        lock (_gate)
        {
            if (_closed) return null;
            var first = _waiting.Find(sequence => sequence.IsReady && (sequence.Home is null || sequence.Home == worker || !sequence.Home.IsAlive));
            if (first is null || !fits(first)) return null;
            _waiting.Remove(first);
            Depart();
            Announce();
            return first;
        }
    }

    /// <summary>The request has ended, in whatever way: its client may send another.</summary>
    public void Ended(Sequence sequence)
    {
        lock (_gate)
        {
            _unfinished--;
            if (limitPerClient > 0 && sequence.Request.Client is { } client && --_ofClient[client] == 0)
                _ofClient.Remove(client);
        }
    }

    /// <summary>Nothing is taken any more; returns what was waiting.</summary>
    public IReadOnlyList<Sequence> Close()
    {
        Sequence[] left;
        lock (_gate)
        {
            _closed = true;
            left = [.. _waiting];
            _waiting.Clear();
        }
        Changed?.Invoke();
        return left;
    }

    private void CountIn(string? client)
    {
        if (client is null || limitPerClient == 0) return;
        var count = _ofClient.GetValueOrDefault(client);
        if (count >= limitPerClient) throw new ClientOverloadedException(count, limitPerClient);
        _ofClient[client] = count + 1;
    }

    private void Depart()
    {
        var since = time.GetElapsedTime(_lastTaken);
        _lastTaken = time.GetTimestamp();
        if (_waiting.Count > 0) _pace = _pace is { } pace ? pace + Smoothing * (since - pace) : since;
    }

    private void Announce()
    {
        for (var i = 0; i < _waiting.Count; i++) _waiting[i].Publish(new GenerationEvent.Queued(i, _waiting.Count, (i + 1) * _pace));
    }
}
