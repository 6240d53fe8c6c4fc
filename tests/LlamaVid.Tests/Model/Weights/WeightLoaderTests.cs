using LlamaVid.Model.Weights;
using TorchSharp;
using TorchSharp.Modules;
using static TorchSharp.torch;

namespace LlamaVid.Tests.Model.Weights;

public sealed class WeightLoaderTests
{
    private static readonly byte[] Layer = CheckpointFiles.Safetensors(
        """{"a.weight":{"dtype":"F32","shape":[2,1],"data_offsets":[0,8]},"a.bias":{"dtype":"F32","shape":[2],"data_offsets":[8,16]},"a.table":{"dtype":"F32","shape":[1],"data_offsets":[16,20]}}""",
        CheckpointFiles.Bytes(1f, 2f, 3f, 4f, 5f));

    [Fact]
    public void Parameters_and_buffers_are_filled_and_everything_is_claimed()
    {
        using var world = new World(Layer);
        using var layer = new TinyLayer(2);
        world.Loader.Fill(layer, "a.");
        world.Loader.RequireAllClaimed();
        Assert.Equal([1f, 2f], layer.weight.flatten().data<float>().ToArray());
        Assert.Equal([3f, 4f], layer.bias.data<float>().ToArray());
        Assert.Equal([5f], layer.table.data<float>().ToArray());
    }

    [Fact]
    public void All_faults_are_listed_together_with_both_shapes_and_the_file()
    {
        using var world = new World(Layer);
        using var layer = new TinyLayer(3);
        var message = Assert.Throws<CheckpointException>(() => world.Loader.Fill(layer, "a.")).Message;
        Assert.Contains("2 tensors do not fit the model", message);
        Assert.Contains($"\"a.weight\" has shape [2, 1] in {world.File} and the model needs [3, 1]", message);
        Assert.Contains("\"a.bias\" has shape [2]", message);
        Assert.DoesNotContain("a.table", message);
    }

    [Fact]
    public void Missing_tensor_is_a_fault_unless_it_is_optional()
    {
        using var world = new World(CheckpointFiles.Safetensors("""{"a.weight":{"dtype":"F32","shape":[2,1],"data_offsets":[0,8]},"a.bias":{"dtype":"F32","shape":[2],"data_offsets":[8,16]}}""", new byte[16]));
        using var layer = new TinyLayer(2);
        Assert.Contains("\"a.table\" [1] is missing", Assert.Throws<CheckpointException>(() => world.Loader.Fill(layer, "a.")).Message);

        new WeightLoader(world.Reader).Fill(layer, "a.", name => name.EndsWith(".table", StringComparison.Ordinal));
        Assert.Equal([7f], layer.table.data<float>().ToArray());
    }

    [Fact]
    public void Unclaimed_tensor_is_a_fault_unless_it_is_ignored()
    {
        using var world = new World(Layer);
        Assert.Contains("3 tensors belong to nothing", Assert.Throws<CheckpointException>(world.Loader.RequireAllClaimed).Message);
        world.Loader.Ignore(name => name.StartsWith("a.", StringComparison.Ordinal));
        world.Loader.RequireAllClaimed();
    }

    [Fact]
    public void Tensor_used_twice_is_a_fault()
    {
        using var world = new World(Layer);
        using var layer = new TinyLayer(2);
        world.Loader.Fill(layer, "a.");
        Assert.Contains("\"a.bias\" is used twice", Assert.Throws<CheckpointException>(() => world.Loader.Fill(layer, "a.")).Message);
    }

    [Fact]
    public void Long_lists_of_faults_are_cut_after_ten()
    {
        using var world = new World(CheckpointFiles.Safetensors([.. Enumerable.Range(0, 25).Select(i => ($"t{i:00}", new[] { 1f }))]));
        var message = Assert.Throws<CheckpointException>(world.Loader.RequireAllClaimed).Message;
        Assert.Contains("25 tensors", message);
        Assert.Contains("and 15 more", message);
        Assert.DoesNotContain("t10", message);
    }

    [Fact]
    public void Module_on_the_meta_device_is_checked_and_takes_no_values()
    {
        using var world = new World(Layer);
        using var layer = new TinyLayer(2, META);
        world.Loader.Fill(layer, "a.");
        world.Loader.RequireAllClaimed();
        Assert.True(layer.weight.is_meta);
    }

    private sealed class World : IDisposable
    {
        private readonly TemporaryFolder _folder = new();

        public World(byte[] file)
        {
            File = _folder.Write("a.safetensors", file);
            Reader = CheckpointReader.Open(File);
            Loader = new(Reader);
        }

        public string File { get; }
        public CheckpointReader Reader { get; }
        public WeightLoader Loader { get; }

        public void Dispose()
        {
            Reader.Dispose();
            _folder.Dispose();
        }
    }

    private sealed class TinyLayer : nn.Module<Tensor, Tensor>
    {
        public readonly Parameter weight;
        public readonly Parameter bias;
        public readonly Tensor table;

        public TinyLayer(long outputs, Device? device = null) : base(nameof(TinyLayer))
        {
            weight = new(empty([outputs, 1], device: device), requires_grad: false);
            bias = new(empty([outputs], device: device), requires_grad: false);
            table = full([1], 7f, device: device);
            RegisterComponents();
        }

        public override Tensor forward(Tensor input) => input;
    }
}
