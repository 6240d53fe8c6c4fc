namespace LlamaVid.Engine;

/// <summary>The bounded line of waiting requests: first come, first served among those whose media are open. Knows no model and no clock.</summary>
internal sealed class RequestQueue(int limit)
{
    private readonly object _gate = new();
    private readonly List<Sequence> _waiting = [];
    private bool _closed;

    public int Count { get { lock (_gate) return _waiting.Count; } }

    /// <exception cref="EngineOverloadedException">the line is full</exception>
    public void Add(Sequence sequence)
    {
        lock (_gate)
        {
            if (_waiting.Count >= limit) throw new EngineOverloadedException(_waiting.Count, limit);
            _waiting.Add(sequence);
            Announce();
        }
    }

    /// <summary>The sequence's media are open; it may be taken.</summary>
    public void Ready(Sequence sequence)
    {
        lock (_gate)
        {
            sequence.IsReady = true;
            Monitor.PulseAll(_gate);
        }
    }

    public void Remove(Sequence sequence)
    {
        lock (_gate)
            if (_waiting.Remove(sequence))
                Announce();
    }

    /// <summary>Blocks until a sequence is ready or the line is closed, which gives null.</summary>
    public Sequence? Take()
    {
        lock (_gate)
        {
            while (!_closed)
            {
                if (_waiting.Find(sequence => sequence.IsReady) is { } first)
                {
                    _waiting.Remove(first);
                    Announce();
                    return first;
                }
                Monitor.Wait(_gate);
            }
            return null;
        }
    }

    /// <summary>Nothing is taken any more; returns what was waiting.</summary>
    public IReadOnlyList<Sequence> Close()
    {
        lock (_gate)
        {
            _closed = true;
            var left = _waiting.ToArray();
            _waiting.Clear();
            Monitor.PulseAll(_gate);
            return left;
        }
    }

    private void Announce()
    {
        for (var i = 0; i < _waiting.Count; i++) _waiting[i].Publish(new GenerationEvent.Queued(i, _waiting.Count));
    }
}
