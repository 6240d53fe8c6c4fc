namespace LlamaVid.Media;

/// <summary>Cancels when nothing has moved for too long, counted only while somebody waits for a frame.</summary>
internal sealed class Stall(CancellationTokenSource stop, TimeSpan limit)
{
    private volatile bool _waiting;

    public void Restart()
    {
        _waiting = true;
        stop.CancelAfter(limit);
    }

    public void Progressed()
    {
        if (_waiting) stop.CancelAfter(limit);
    }

    public void Pause()
    {
        _waiting = false;
        stop.CancelAfter(Timeout.InfiniteTimeSpan);
    }
}
