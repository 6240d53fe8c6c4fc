using System.Buffers.Binary;
using System.Diagnostics;
using System.Globalization;
using System.IO.Compression;
using System.Text;
using LlamaVid.Model.Weights;
using TorchSharp;
using TorchSharp.Modules;

namespace LlamaVid.Tests.Model.Weights;

/// <summary>
/// Files beyond 32-bit sizes, and what loading costs. The measurements write 2 GB and are run by hand:
/// <c>LlamaVid.Tests -explicit only -class LlamaVid.Tests.Model.Weights.LargeFileTests -showliveoutput</c>.
/// </summary>
public sealed class LargeFileTests(ITestOutputHelper output)
{
    private const long FiveGigabytes = 5L << 30;
    private const int Tensors = 12;
    private const int Columns = 11008;

    [Fact]
    public void Values_beyond_four_gigabytes_of_a_zip_are_found()
    {
        using var folder = new TemporaryFolder();
        var path = Path.Combine(folder.Path, "a.bin");
        using (var file = File.Create(path))
            Zip64.Write(file, FiveGigabytes, ("archive/data.pkl", Pickle.OneTensor(2, 0, [2], [1])), ("archive/data/0", CheckpointFiles.Bytes(1f, 2f)));
        using var reader = CheckpointReader.Open(path);
        using var tensor = reader.Read("w");
        Assert.Equal([1f, 2f], tensor.data<float>().ToArray());
    }

    [Fact]
    public void Values_beyond_four_gigabytes_of_safetensors_are_found()
    {
        using var folder = new TemporaryFolder();
        var path = Path.Combine(folder.Path, "a.safetensors");
        using (var file = File.Create(path))
        {
            file.Write(CheckpointFiles.Safetensors($$$"""{"hole":{"dtype":"U8","shape":[{{{FiveGigabytes}}}],"data_offsets":[0,{{{FiveGigabytes}}}]},"w":{"dtype":"F32","shape":[1],"data_offsets":[{{{FiveGigabytes}}},{{{FiveGigabytes + 4}}}]}}""", []));
            file.Seek(FiveGigabytes, SeekOrigin.Current);
            file.Write(CheckpointFiles.Bytes(3f));
        }
        using var reader = CheckpointReader.Open(path);
        using var tensor = reader.Read("w");
        Assert.Equal(3f, tensor.item<float>());
    }

    [Fact(Explicit = true)]
    public void Tensor_larger_than_two_gigabytes_is_copied_to_its_end()
    {
        const long count = 600_000_000;
        using var folder = new TemporaryFolder();
        var path = Path.Combine(folder.Path, "a.safetensors");
        using (var file = File.Create(path))
        {
            file.Write(CheckpointFiles.Safetensors($$$"""{"w":{"dtype":"F32","shape":[{{{count}}}],"data_offsets":[0,{{{count * 4}}}]}}""", []));
            file.Seek((count - 1) * 4, SeekOrigin.Current);
            file.Write(CheckpointFiles.Bytes(3f));
        }
        using var reader = CheckpointReader.Open(path);
        foreach (var dtype in new[] { torch.ScalarType.Float32, torch.ScalarType.BFloat16 })
        {
            using var tensor = reader.Read("w", dtype);
            using var end = tensor.narrow(0, count - 2, 2);
            using var tail = end.to(torch.ScalarType.Float32);
            Assert.Equal([0f, 3f], tail.data<float>().ToArray());
        }
    }

    [Theory(Explicit = true)]
    [InlineData("safetensors", "F32", torch.ScalarType.Float32)]
    [InlineData("safetensors", "BF16", torch.ScalarType.Float32)]
    [InlineData("safetensors", "BF16", torch.ScalarType.BFloat16)]
    [InlineData("bin", "F32", torch.ScalarType.Float32)]
    [InlineData("bin", "BF16", torch.ScalarType.Float32)]
    public void Loading_two_gigabytes_holds_the_weights_and_less_than_one_tensor_more(string format, string stored, torch.ScalarType wanted)
    {
        var rows = stored == "F32" ? 4096L : 8192L;
        var size = stored == "F32" ? 4 : 2;
        using var folder = new TemporaryFolder();
        var path = Path.Combine(folder.Path, $"model.{format}");
        if (format == "bin") WriteBin(path, stored == "F32" ? "FloatStorage" : "BFloat16Storage", rows, size);
        else WriteSafetensors(path, stored, rows, size);

        torch.empty(1).Dispose();
        File.WriteAllText("/proc/self/clear_refs", "5");                       // VmHWM starts again at the present size
        var before = Status("VmRSS");
        var clock = Stopwatch.StartNew();
        var (user, system) = Cpu();
        using var module = new Stack(rows, wanted);
        using (var reader = CheckpointReader.Open(path))
        {
            var loader = new WeightLoader(reader);
            loader.Fill(module, "");
            loader.RequireAllClaimed();
        }
        var seconds = clock.Elapsed.TotalSeconds;
        var (userAfter, systemAfter) = Cpu();
        long weights = Tensors * rows * Columns * (wanted == torch.ScalarType.Float32 ? 4 : 2), tensor = rows * Columns * size, extra = Status("VmHWM") - before - weights;

        output.WriteLine($"{format} {stored} -> {wanted}: file {new FileInfo(path).Length / 1e9:0.00} GB, weights {weights / 1e9:0.00} GB, one stored tensor {tensor / 1e6:0} MB, " +
            $"peak RSS beyond the weights {extra / 1e6:0.0} MB (RSS before {before / 1e6:0} MB; after, RssAnon {Status("RssAnon") / 1e6:0} MB and RssFile {Status("RssFile") / 1e6:0} MB), " +
            $"{seconds:0.0} s, of the processors {userAfter - user:0.0} s user and {systemAfter - system:0.0} s system");
        Assert.InRange(extra, long.MinValue, tensor);
        using var row = module.state_dict()[$"t{Tensors - 1}"].narrow(0, rows - 1, 1);
        using var last = row.to(torch.ScalarType.Float32);
        Assert.All(last.data<float>(), value => Assert.Equal(Tensors, value));
    }

    private static (double User, double System) Cpu()
    {
        using var process = Process.GetCurrentProcess();
        return (process.UserProcessorTime.TotalSeconds, process.PrivilegedProcessorTime.TotalSeconds);
    }

    private static void WriteSafetensors(string path, string dtype, long rows, int size)
    {
        var bytes = rows * Columns * size;
        var header = $"{{{string.Join(",", Enumerable.Range(0, Tensors).Select(i => $"\"t{i}\":{{\"dtype\":\"{dtype}\",\"shape\":[{rows},{Columns}],\"data_offsets\":[{i * bytes},{(i + 1) * bytes}]}}"))}}}";
        using var file = File.Create(path);
        file.Write(CheckpointFiles.Safetensors(header, []));
        for (var i = 0; i < Tensors; i++) WriteValues(file, rows, size, i + 1);
    }

    private static void WriteBin(string path, string type, long rows, int size)
    {
        var pickle = Pickle.Start().Op('}', '(');
        for (var i = 0; i < Tensors; i++) pickle.Text($"t{i}").Tensor(type, $"{i}", rows * Columns, 0, [rows, Columns], [Columns, 1]);
        using var file = File.Create(path);
        using var zip = new ZipArchive(file, ZipArchiveMode.Create);
        using (var entry = zip.CreateEntry("model/data.pkl", CompressionLevel.NoCompression).Open()) entry.Write(pickle.Op('u').Stop());
        for (var i = 0; i < Tensors; i++)
        {
            using var entry = zip.CreateEntry($"model/data/{i}", CompressionLevel.NoCompression).Open();
            WriteValues(entry, rows, size, i + 1);
        }
    }

    /// <summary>The upper half of a float32 is the bfloat16.</summary>
    private static void WriteValues(Stream stream, long rows, int size, float value)
    {
        var row = new byte[Columns * size];
        for (var at = 0; at < row.Length; at += size)
        {
            var bits = BitConverter.SingleToUInt32Bits(value);
            if (size == 4) BinaryPrimitives.WriteUInt32LittleEndian(row.AsSpan(at), bits);
            else BinaryPrimitives.WriteUInt16LittleEndian(row.AsSpan(at), (ushort)(bits >> 16));
        }
        for (var i = 0; i < rows; i++) stream.Write(row);
    }

    private static long Status(string field) =>
        long.Parse(File.ReadLines("/proc/self/status", Encoding.ASCII).First(line => line.StartsWith(field + ":", StringComparison.Ordinal)).Split(' ', StringSplitOptions.RemoveEmptyEntries)[1],
            CultureInfo.InvariantCulture) * 1024;

    private sealed class Stack : torch.nn.Module<torch.Tensor, torch.Tensor>
    {
        public Stack(long rows, torch.ScalarType dtype) : base(nameof(Stack))
        {
            for (var i = 0; i < Tensors; i++) register_parameter($"t{i}", new Parameter(torch.empty([rows, Columns], dtype), requires_grad: false));
        }

        public override torch.Tensor forward(torch.Tensor input) => input;
    }
}
