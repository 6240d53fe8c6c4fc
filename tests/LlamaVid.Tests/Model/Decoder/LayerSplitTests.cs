using LlamaVid.Model;
using LlamaVid.Model.Decoder;

namespace LlamaVid.Tests.Model.Decoder;

/// <summary>Layers are divided so that the fullest device is as empty as can be; no other division of them is better.</summary>
public sealed class LayerSplitTests
{
    [Theory]
    [InlineData(32, 1, 5, 100, 7, new[] { 32 })]                            // one device takes everything
    [InlineData(32, 2, 1, 0, 0, new[] { 16, 16 })]
    [InlineData(10, 3, 1, 0, 0, new[] { 4, 3, 3 })]                         // of equals the first takes more
    [InlineData(3, 3, 1, 50, 50, new[] { 1, 1, 1 })]                        // one layer at least, however much else is there
    [InlineData(32, 2, 202, 1_330, 131, new[] { 13, 19 })]                  // 7B with EVA-ViT-G on the first, in millions
    [InlineData(40, 4, 317, 1_380, 164, new[] { 7, 11, 11, 11 })]           // 13B
    [InlineData(10, 2, 1, 0, 4, new[] { 7, 3 })]
    public void Layers_go_where_there_is_room(int layers, int devices, long layer, long before, long after, int[] expected) =>
        Assert.Equal(expected, LayerSplit.Of(layers, devices, layer, before, after));

    [Fact]
    public void No_division_has_an_emptier_fullest_device()
    {
        var random = new Random(1);
        for (var i = 0; i < 300; i++)
        {
            var (devices, layer, before, after) = (random.Next(1, 4), random.Next(1, 9), random.Next(30), random.Next(30));
            var layers = random.Next(devices, 12);
            var counts = LayerSplit.Of(layers, devices, layer, before, after);

            Assert.Equal(layers, counts.Sum());
            Assert.All(counts, count => Assert.InRange(count, 1, layers));
            Assert.Equal(Divisions(layers, devices).Min(Fullest), Fullest(counts));

            long Fullest(int[] division) => division.Select((count, at) => (long)count * layer + (at == 0 ? before : 0) + (at == devices - 1 ? after : 0)).Max();
        }
    }

    [Fact]
    public void More_devices_than_layers_are_refused_with_the_numbers()
    {
        var fault = Assert.Throws<TooManyDevicesException>(() => LayerSplit.Of(3, 4, 1, 0, 0));
        Assert.Equal((4, 3), (fault.Devices, fault.Layers));
        Assert.Equal("The configuration divides the model over 4 devices and it has 3 layers; each device takes one at least. Join at most 3 devices with + (Model:Device, Engine:Devices).", fault.Message);
    }

    private static IEnumerable<int[]> Divisions(int layers, int devices) =>
        devices == 1 ? [[layers]] : Enumerable.Range(1, layers - devices + 1).SelectMany(first => Divisions(layers - first, devices - 1).Select(rest => (int[])[first, .. rest]));
}
