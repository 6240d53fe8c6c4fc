using LlamaVid.Model;
using LlamaVid.Model.Decoder;
using LlamaVid.Model.Weights;
using static TorchSharp.torch;

namespace LlamaVid.Tests.Model.Decoder;

/// <summary>What runs in every layer of every step must lose nothing: some calls of TorchSharp lose about a hundred bytes each time (<c>Tensor.chunk</c>).</summary>
[Collection(AloneCollection.Name)]
public sealed class NativeMemoryTests
{
    private const int Times = 50_000;

    [Fact]
    public void Rotation_loses_no_native_memory()
    {
        using var inference = inference_mode();
        using Tensor x = randn(1, 4, 16), cos = randn(1, 1, 16), sin = randn(1, 1, 16);
        Rotate();
        var before = NativeMemory.InUse();
        Rotate();
        Assert.InRange(NativeMemory.InUse() - before, long.MinValue, 20 * Times);

        void Rotate()
        {
            for (var i = 0; i < Times; i++)
                using (NewDisposeScope())
                    RotaryTable.Rotate(x, cos, sin);
        }
    }

    [Fact]
    public void Keys_and_values_of_answers_that_have_ended_do_not_stay_resident_between_what_stays()
    {
        const int Caches = 40, Megabytes = 10, KeptMegabytes = (int)(NativeHeap.Often >> 20);
        Assert.SkipUnless(OperatingSystem.IsLinux(), "the resident memory of a process is Linux's");
        empty(31 << 20, ScalarType.Byte).Dispose();                         // from now on blocks of this size are kept when they are freed
        var before = Environment.WorkingSet;
        var stays = new List<Tensor>();
        var caches = new List<KvCache>();
        for (var i = 0; i < Caches; i++)
        {
            caches.Add(Filled(Megabytes));
            stays.Add(zeros(1000));
        }
        var full = Environment.WorkingSet;
        foreach (var cache in caches) cache.Dispose();
        var after = Environment.WorkingSet;
        foreach (var tensor in stays) tensor.Dispose();

        Assert.InRange((full - before) >> 20, Caches * Megabytes * 3 / 4, long.MaxValue);
        Assert.InRange((full - after) >> 20, (Caches * Megabytes - KeptMegabytes) * 3 / 4, long.MaxValue);
    }

    private static KvCache Filled(int megabytes)
    {
        var config = new DecoderConfig(64, 96, 5, 4, 2, 50, 1, 1e-5, 10_000, 1);
        var positions = (megabytes << 20) / (config.Layers * 2 * config.KvHeads * (config.HiddenSize / config.Heads) * sizeof(float));
        var cache = new KvCache(config, positions, new((new(ScalarType.Float32, CPU), config.Layers)));
        using var scope = NewDisposeScope();
        using var rows = ones(positions, config.KvHeads, config.HiddenSize / config.Heads);
        for (var layer = 0; layer < config.Layers; layer++) cache.Append(layer, rows, rows);
        return cache;
    }
}
