using LlamaVid.Engine;

namespace LlamaVid.Tests.Engine;

/// <summary>Who is taken from the line, and in which order.</summary>
public sealed class RequestQueueTests
{
    private readonly RequestQueue _queue = new(limit: 8, limitPerClient: 0, TimeProvider.System);

    [Fact]
    public void Higher_priority_comes_first_and_equals_come_in_order()
    {
        foreach (var (id, priority) in new[] { ("a", 0), ("b", 1), ("c", -1), ("d", 1), ("e", 0) }) Ready(Add(id, priority));
        Assert.Equal(["b", "d", "a", "e", "c"], TakeAll());
    }

    [Fact]
    public void What_is_not_prepared_yet_is_passed_by_and_taken_when_it_is()
    {
        var slow = Add("slow", 1);
        Ready(Add("quick", 0));
        Assert.Equal(["quick"], TakeAll());
        Ready(slow);
        Assert.Equal(["slow"], TakeAll());
    }

    [Fact]
    public void Nobody_overtakes_a_request_that_does_not_fit_yet()
    {
        Ready(Add("large", 0));
        Ready(Add("small", 0));
        Assert.Null(_queue.TryTake(null!, sequence => sequence.Request.Id == "small"));
        Assert.Equal(["large", "small"], TakeAll());
    }

    private Sequence Add(string id, int priority)
    {
        var sequence = new Sequence(EngineFixture.Text("Hello") with { Id = id, Priority = priority }, TimeProvider.System, TimeSpan.Zero, _queue.Ended);
        _queue.Add(sequence);
        return sequence;
    }

    private void Ready(Sequence sequence) => _queue.Ready(sequence);

    private List<string> TakeAll()
    {
        var taken = new List<string>();
        while (_queue.TryTake(null!, _ => true) is { } sequence) taken.Add(sequence.Request.Id);
        return taken;
    }
}
