using LlamaVid.Engine;
using LlamaVid.Model;
using TorchSharp;

namespace LlamaVid.Tests.Engine;

/// <summary>A worker whose model is divided over devices serves as any other: the same answers, copies of keys and values, accounts, and nothing left.</summary>
[Collection(AloneCollection.Name)]
public sealed class DividedWorkerTests(EngineFixture fixture) : IClassFixture<EngineFixture>
{
    [Theory]
    [InlineData("cpu+cpu")]
    [InlineData("cpu+cpu+cpu,cpu+cpu+cpu")]
    public async Task Several_answers_known_beginnings_and_narrow_rooms_are_as_on_one_device(string devices)
    {
        var request = fixture.Video("What happens?", maxTokens: 12) with { Choices = 3, Sampling = new() { Temperature = 1.5, Seed = 3 } };
        var expected = Choices(await fixture.Engine.Submit(request).AllAsync());
        var positions = (await fixture.Engine.Submit(request).AllAsync()).OfType<GenerationEvent.Prepared>().Single().Prompt.Positions;

        await using var engine = await fixture.StartAsync(new() { Devices = devices, KvCacheTokens = 4 * (positions + 12) });
        Assert.Equal(devices.Split(',')[0], engine.Card!.Device);
        Assert.Single(engine.Models);
        var answers = await Task.WhenAll(Enumerable.Range(0, 4).Select(_ => engine.Submit(request).AllAsync()));      // two together do not fit
        Assert.All(answers, events => Assert.Equal(expected, Choices(events)));

        var again = await engine.Submit(request).AllAsync();
        Assert.Equal(positions - 1, again.OfType<GenerationEvent.Prepared>().Single().Prompt.CachedPositions);
        Assert.Equal(expected, Choices(again));
        Assert.All(engine.Workers, load => Assert.InRange(load.KvHeld, 0, load.KvTotal));
    }

    [Fact]
    public async Task Who_leaves_and_what_ends_leave_no_tensor()
    {
        await using var engine = await fixture.StartAsync(new() { Devices = "cpu+cpu+cpu" });
        for (var i = 0; i < 2; i++) await MixAsync(engine);                 // what is made once and stays
        var tensors = Tensors();

        for (var i = 0; i < 4; i++) await MixAsync(engine);

        Assert.InRange(Tensors(), 0, tensors);
    }

    [Fact]
    public async Task More_devices_than_layers_end_the_start()
    {
        var fault = await Assert.ThrowsAsync<TooManyDevicesException>(() => fixture.StartAsync(new() { Devices = "cpu+cpu+cpu+cpu" }));
        Assert.Equal((4, 3), (fault.Devices, fault.Layers));
    }

    private static long Tensors()
    {
        GC.Collect();
        GC.WaitForPendingFinalizers();                                      // of tensors that nobody holds any more
        return torch.Tensor.TotalCount;
    }

    private async Task MixAsync(GenerationEngine engine)
    {
        var leaving = await engine.RunningAsync();
        var staying = Enumerable.Range(0, 3).Select(i => engine.Submit(fixture.Video($"What {i}?") with { Choices = 2 }).AllAsync()).ToArray();
        await leaving.DisposeAsync();
        await Task.WhenAll(staying);
    }

    private static string Choices(List<GenerationEvent> events) =>
        string.Join('|', events.OfType<GenerationEvent.Token>().GroupBy(token => token.Choice).OrderBy(choice => choice.Key).Select(choice => string.Join(',', choice.Select(token => token.Id))));
}
