namespace LlamaVid.Engine;

/// <summary>The bounded line of waiting requests: first come, first served among those whose media are open. Knows no model and no clock.</summary>
internal sealed class RequestQueue(int limit)
{
    private readonly Lock _gate = new();
    private readonly List<Sequence> _waiting = [];
    private readonly SemaphoreSlim _changed = new(0);
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
        lock (_gate) sequence.IsReady = true;
        _changed.Release();
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
        while (true)
        {
            lock (_gate)
            {
                if (_closed) return null;
                if (_waiting.FindIndex(sequence => sequence.IsReady) is >= 0 and var index)
                {
                    var sequence = _waiting[index];
                    _waiting.RemoveAt(index);
                    Announce();
                    return sequence;
                }
            }
            _changed.Wait();
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
            _changed.Release();
            return left;
        }
    }

    private void Announce()
    {
        for (var i = 0; i < _waiting.Count; i++) _waiting[i].Publish(new GenerationEvent.Queued(i, _waiting.Count));
    }
}
