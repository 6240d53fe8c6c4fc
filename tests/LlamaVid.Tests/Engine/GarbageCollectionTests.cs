using LlamaVid.Engine;
using TorchSharp;

namespace LlamaVid.Tests.Engine;

/// <summary>Answers stay the same and memory stays flat while another thread allocates and collects without pause.</summary>
/// <remarks>
/// They take minutes and are asked for by name: <c>LlamaVid.Tests -explicit only -class "*GarbageCollectionTests"</c>.
/// TorchSharp frees scalars that native code still reads when a collection comes at the wrong moment; see docs/decisions/0002.
/// </remarks>
[Collection(AloneCollection.Name)]
public sealed class GarbageCollectionTests(EngineFixture fixture) : IClassFixture<EngineFixture>
{
    [Fact(Explicit = true)]
    public Task Answers_do_not_change_under_constant_collection() => StressAsync(rounds => rounds < 6);

    [Fact(Explicit = true)]
    public async Task Answers_and_memory_do_not_change_in_five_minutes_of_constant_collection()
    {
        var begin = TimeProvider.System.GetTimestamp();
        await StressAsync(_ => TimeProvider.System.GetElapsedTime(begin) < TimeSpan.FromMinutes(5));
    }

    /// <summary>Additions with a temporary scalar inside the library: without the patched native library this fails within some ten thousand.</summary>
    [Fact(Explicit = true)]
    public void Temporary_scalars_survive_a_collection_during_the_call()
    {
        using var collecting = new Collector();
        using var inference = torch.inference_mode();
        using var one = torch.tensor(1f);
        for (var i = 0; i < 200_000; i++)
        {
            using var sum = one.add(one);
            if (i % 1000 == 0) Assert.Equal(2f, sum.item<float>());
        }
    }

    private async Task StressAsync(Func<int, bool> goesOn)
    {
        var request = fixture.Video("What happens?", maxTokens: 64);
        var expected = await fixture.Engine.Submit(request).TokensAsync();
        for (var i = 0; i < 3; i++) await fixture.Engine.Submit(request).TokensAsync();
        var (tensors, bytes) = (torch.Tensor.TotalCount, 0L);

        using var collecting = new Collector();
        for (var rounds = 0; goesOn(rounds); rounds++)
        {
            Assert.Equal(expected, await fixture.Engine.Submit(request).TokensAsync());
            if (rounds == 2) bytes = Environment.WorkingSet;
        }

        Assert.Equal(tensors, torch.Tensor.TotalCount);
        Assert.InRange(Environment.WorkingSet, 0, bytes + (64L << 20));
    }

    /// <summary>A thread that allocates and collects until it is disposed.</summary>
    private sealed class Collector : IDisposable
    {
        private readonly Thread _thread;
        private volatile bool _isDone;

        public Collector()
        {
            _thread = new(() =>
            {
                while (!_isDone)
                {
                    _ = new byte[1024];
                    GC.Collect(0, GCCollectionMode.Forced, blocking: true);
                    Thread.SpinWait(500);                               // without it the collected thread may never come to run
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
