namespace LlamaVid.Training.Pretraining;

/// <summary>Makes the next batch on another thread while one is trained on. Batches are functions of their number, so any can be asked for.</summary>
internal sealed class Ahead<T>(Func<long, T> make) : IDisposable
{
    private (long Number, Task<T> Task)? _next;

    public T Take(long number)
    {
        var current = _next is { } next && next.Number == number ? next.Task : Task.Run(() => make(number));
        var value = current.GetAwaiter().GetResult();
        _next = (number + 1, Task.Run(() => make(number + 1)));
        return value;
    }

    public void Dispose() => _next?.Task.GetAwaiter().GetResult();
}
