using LlamaVid.Model;
using LlamaVid.Model.Decoder;
using LlamaVid.Model.Layers;
using TorchSharp;
using static TorchSharp.torch;

namespace LlamaVid.Tests.Model;

/// <summary>A model whose layers are divided over devices computes what it computes on one, to the bit, and holds everything where its layer lies.</summary>
[Collection(AloneCollection.Name)]
public sealed class DividedModelTests
{
    private static readonly string Default = Repository.Path("deploy/models/default");       // four layers, of sizes that every kernel takes

    [Theory]
    [InlineData("cpu+cpu", ModelDtype.Float32, Quantization.None)]
    [InlineData("cpu+cpu+cpu", ModelDtype.Float32, Quantization.None)]
    [InlineData("cpu+cpu+cpu+cpu", ModelDtype.Float32, Quantization.None)]
    [InlineData("cpu+cpu", ModelDtype.BFloat16, Quantization.None)]
    [InlineData("cpu+cpu+cpu", ModelDtype.BFloat16, Quantization.Int8)]
    [InlineData("cpu+cpu+cpu", ModelDtype.BFloat16, Quantization.Int4)]
    [InlineData("cpu+cpu", ModelDtype.Float16, Quantization.None)]
    public void Logits_are_those_of_one_device_to_the_bit(string devices, ModelDtype dtype, Quantization quantization)
    {
        using var inference = inference_mode();
        var threads = get_num_threads();
        set_num_threads(1);
        try
        {
            var options = new ModelOptions { Path = Default, Device = "cpu", Dtype = dtype, Quantization = quantization };
            using var one = LlamaVidModel.Load(options);
            using var divided = LlamaVidModel.Load(options with { Device = devices });

            Assert.Equal(devices, divided.DeviceNames);
            Assert.Equal(Forms(one), Forms(divided));
            Assert.Equal(Run(one), Run(divided));
        }
        finally
        {
            set_num_threads(threads);
        }
    }

    [Fact]
    public void Weights_are_loaded_to_where_their_layer_lies()
    {
        using var inference = inference_mode();
        using var model = LlamaVidModel.Load(new() { Path = Default }, [Place(CPU), Place(META)], config => config);

        var places = model.State.ToLookup(entry => entry.Value.device_type, entry => entry.Name);
        var (here, there) = (places[DeviceType.CPU].ToArray(), places[DeviceType.META].ToArray());
        Assert.Equal(model.State.Count(), here.Length + there.Length);
        var border = here.Max(LayerOf) + 1;
        var decoder = model.Config.Decoder;
        Assert.Equal(Enumerable.Range(border, decoder.Layers - border), there.Select(LayerOf).Where(layer => layer >= 0).Distinct().Order());
        Assert.Equal(["lm_head.weight", "model.norm.weight"], there.Where(name => LayerOf(name) < 0).Order(StringComparer.Ordinal));
        Assert.Contains("model.embed_tokens.weight", here);
        Assert.Contains("model.mm_projector.0.weight", here);

        using var cache = model.NewCache(4);
        using var scope = NewDisposeScope();
        for (var layer = 0; layer < decoder.Layers; layer++)
        {
            var device = layer < border ? CPU : META;
            var rows = zeros([1, decoder.KvHeads, decoder.HiddenSize / decoder.Heads], device: device);
            var (keys, values) = cache.Append(layer, rows, rows);
            Assert.Equal((device.type, device.type), (keys.device_type, values.device_type));
        }
    }

    /// <summary>The meta device has shapes and no values; what meets a tensor of another device there fails, as on a GPU.</summary>
    [Fact]
    public void What_passes_is_moved_at_the_border_and_not_before()
    {
        using var inference = inference_mode();
        using var scope = NewDisposeScope();
        var config = new DecoderConfig(64, 96, 5, 4, 2, 50, 128, 1e-5, 10_000, 1);
        using var decoder = new LlamaForCausalLm(config, new((Place(CPU), 2), (Place(CPU), 1), (Place(META), 2)));
        var rows = new Witness();

        var hidden = decoder.model.forward(zeros(3, 64), zeros(3, 1, 16), zeros(3, 1, 16), rows);

        Assert.Equal(["0 CPU", "1 CPU", "to cpu", "2 CPU", "to meta", "3 META", "4 META"], rows.Seen);
        Assert.Equal(DeviceType.META, hidden.device_type);
        Assert.Equal(DeviceType.META, decoder.Logits(hidden).device_type);
        Assert.Equal([3, 50], decoder.Logits(hidden).shape);
    }

    [Fact]
    public void Keys_and_values_are_counted_on_the_device_that_holds_most()
    {
        using var inference = inference_mode();
        var options = new ModelOptions { Path = Default };
        using var one = LlamaVidModel.Load(options, [Place(CPU)], config => config);
        using var joined = LlamaVidModel.Load(options, [Place(CPU), Place(CPU)], config => config);
        using var apart = LlamaVidModel.Load(options, [Place(CPU), Place(META)], config => config);

        var layer = 2 * one.Config.Decoder.HiddenSize * sizeof(float);
        Assert.All([one, joined, apart], model => Assert.Equal(one.Config.Decoder.Layers * layer, model.KvBytesPerPosition));
        Assert.All([one, joined], model => Assert.Equal(model.KvBytesPerPosition, model.KvBytesPerPositionOfOneDevice));      // one memory
        var layers = apart.State.Select(entry => (LayerOf(entry.Name), entry.Value.device_type)).Where(place => place.Item1 >= 0).Distinct().CountBy(place => place.device_type);
        Assert.Equal(layers.Max(device => device.Value) * layer, apart.KvBytesPerPositionOfOneDevice);
    }

    [Fact]
    public void More_devices_than_layers_are_refused() =>
        Assert.Throws<TooManyDevicesException>(() => LlamaVidModel.Load(new() { Path = Default, Device = "cpu+cpu+cpu+cpu+cpu+cpu" }));

    private static Placement Place(Device device) => new(ScalarType.Float32, device);

    private static int LayerOf(string name) => name.Split('.') is ["model", "layers", var layer, ..] ? int.Parse(layer) : -1;

    /// <summary>How many linear layers keep their weights in which form.</summary>
    private static string Forms(LlamaVidModel model) => model.Precision[model.Precision.IndexOf(" computes in", StringComparison.Ordinal)..];

    /// <returns>logits of a prompt with two frames, of a second one beside it, of a copy's next position, and of steps of all three</returns>
    private static float[] Run(LlamaVidModel model)
    {
        using var scope = NewDisposeScope();
        var crops = new byte[2 * 3 * model.Preprocessor!.ImageSize * model.Preprocessor.ImageSize];
        new Random(1).NextBytes(crops);
        var tokens = model.FrameTokens(model.EncodeFrames(crops, 2), model.EncodeQuestion("Who is it?"), isMovie: false).flatten(0, 1);
        var prompt = cat([model.Embed([1, 50, 60]), tokens, model.Embed([70, 80])]);
        using KvCache first = model.NewCache(20), second = model.NewCache(20), third = model.NewCache(20);

        var hidden = model.Forward(cat([prompt, model.Embed([1, 7, 9, 30])]), [new(first, 9, 9), new(second, 4, 4)]);
        third.CopyFrom(first, 8);
        var logits = new List<float>(model.Logits(hidden).data<float>());
        for (var step = 0; step < 4; step++)
        {
            hidden = model.Forward(model.Embed([11 + step, 21 + step, 31 + step]), [new(first, 1, first.Length + 1), new(second, 1, second.Length + 1), new(third, 1, third.Length + 1)]);
            logits.AddRange(model.Logits(hidden).data<float>());
        }
        return [.. logits];
    }

    /// <summary>Attention that looks at nothing and writes down where it is asked to.</summary>
    private sealed class Witness : RowAttention
    {
        public List<string> Seen { get; } = [];

        public override void MoveTo(Device device) => Seen.Add($"to {device}");

        public override Tensor Attend(int layer, Tensor q, Tensor k, Tensor v)
        {
            Seen.Add($"{layer} {q.device_type}");
            return q.flatten(1);
        }
    }
}
