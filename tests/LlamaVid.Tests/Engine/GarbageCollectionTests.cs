using LlamaVid.Engine;
using TorchSharp;

namespace LlamaVid.Tests.Engine;

/// <summary>Answers stay the same and memory stays flat while another thread collects as often as anything is allocated.</summary>
/// <remarks>
/// TorchSharp frees scalars that native code still reads when a collection comes at the wrong moment; see docs/decisions/0002.
/// The long form takes five minutes and is asked for by name: <c>LlamaVid.Tests -explicit only -class "*GarbageCollectionTests"</c>.
/// </remarks>
[Collection(AloneCollection.Name)]
public sealed class GarbageCollectionTests(EngineFixture fixture) : IClassFixture<EngineFixture>
{
    private const int Enough = 100, MostRounds = 100;                       // one core runs the collecting thread seldom

    [Fact]
    public Task Answers_do_not_change_under_constant_collection() => StressAsync(rounds => rounds < 6);

    [Fact(Explicit = true)]
    public async Task Answers_and_memory_do_not_change_in_five_minutes_of_constant_collection()
    {
        var begin = TimeProvider.System.GetTimestamp();
        await StressAsync(_ => TimeProvider.System.GetElapsedTime(begin) < TimeSpan.FromMinutes(5));
    }

    private async Task StressAsync(Func<int, bool> goesOn)
    {
        var request = fixture.Video("What happens?", maxTokens: 64);
        var expected = await fixture.Engine.Submit(request).TokensAsync();
        for (var i = 0; i < 3; i++) await fixture.Engine.Submit(request).TokensAsync();
        GC.Collect();
        GC.WaitForPendingFinalizers();                                      // of tensors that earlier tests left behind
        var (tensors, bytes) = (torch.Tensor.TotalCount, 0L);

        var collections = GC.CollectionCount(0);
        using var collecting = new Collector();
        for (var rounds = 0; goesOn(rounds) || (Collections() < Enough && rounds < MostRounds); rounds++)
        {
            Assert.Equal(expected, await fixture.Engine.Submit(request).TokensAsync());
            if (rounds == 2) bytes = SettledMemory();
        }

        Assert.InRange(Collections(), Enough, int.MaxValue);
        Assert.InRange(torch.Tensor.TotalCount, 0, tensors);
        Assert.InRange(SettledMemory(), 0, bytes + (64L << 20));

        int Collections() => GC.CollectionCount(0) - collections;
    }

    /// <summary>Bytes of the process without what collections of the youngest generation have left standing.</summary>
    private static long SettledMemory()
    {
        GC.Collect();
        return Environment.WorkingSet;
    }

    /// <summary>A thread that collects the youngest generation whenever something has been allocated, until it is disposed.</summary>
    /// <remarks>Collections without a pause would stop the other threads for good: each lets them make one step at most.</remarks>
    private sealed class Collector : IDisposable
    {
        private readonly Thread _thread;
        private volatile bool _isDone;

        public Collector()
        {
            _thread = new(() =>
            {
                for (var seen = 0L; !_isDone;)
                {
                    var allocated = GC.GetTotalAllocatedBytes();
                    if (allocated == seen) Thread.Yield();
                    else GC.Collect(0, GCCollectionMode.Forced, blocking: true);
                    seen = allocated;
                }
            });
            _thread.Start();
        }

        public void Dispose()
        {
            _isDone = true;
            _thread.Join();
        }
    }
}
