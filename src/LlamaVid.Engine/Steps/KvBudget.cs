namespace LlamaVid.Engine;

/// <summary>Counts the positions whose keys and values one worker may hold. Counts only: the memory is elsewhere.</summary>
internal sealed class KvBudget(int total)
{
    public int Total { get; } = total;

    public int Held { get; private set; }

    public int Free => Total - Held;

    /// <summary>Changes what somebody holds; false when there is not enough, and then nothing has changed.</summary>
    public bool TryChange(int from, int to)
    {
        if (to - from > Free) return false;
        Held += to - from;
        return true;
    }
}
