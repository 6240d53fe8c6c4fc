using LlamaVid.Model.Weights;
using TorchSharp;

namespace LlamaVid.Tests.Model.Weights;

/// <summary>Damaged files are read or refused; nothing else may happen.</summary>
public sealed class CheckpointFuzzTests
{
    private const int Rounds = 300;
    private const long LargestRead = 1 << 20;

    [Theory]
    [InlineData("goldens/work_dirs/llama-vid/llama-vid-7b-full-224-video-fps-1/pytorch_model-00003-of-00003.bin")]
    [InlineData("goldens/work_dirs/llama-vid/llama-vid-7b-full-224-video-fps-1-safetensors/model-00003-of-00003.safetensors")]
    public void Random_damage_to_a_shard_is_refused_or_read(string path)
    {
        var original = File.ReadAllBytes(Shared.Path(path));
        var random = new Random(20260);
        using var folder = new TemporaryFolder();
        var refused = 0;
        for (var round = 0; round < Rounds; round++)
        {
            var damaged = Damage(original, random);
            if (!Survives(folder.Write("file.bin", damaged))) refused++;
        }
        Assert.InRange(refused, Rounds / 10, Rounds);
    }

    [Fact]
    public void Random_damage_to_a_small_archive_is_refused_or_read()
    {
        var original = CheckpointFiles.Torch(Pickle.OneTensor(6, 0, [2, 3], [3, 1]), ("data/0", new byte[24]), ("version", "3\n"u8.ToArray()));
        var random = new Random(7);
        using var folder = new TemporaryFolder();
        var refused = 0;
        for (var round = 0; round < 2000; round++)
        {
            var damaged = original.ToArray();
            for (var flips = random.Next(1, 4); flips > 0; flips--) damaged[random.Next(damaged.Length)] = (byte)random.Next(256);
            if (!Survives(folder.Write("file.bin", damaged))) refused++;
        }
        Assert.InRange(refused, 500, 2000);
    }

    [Fact]
    public void Random_opcodes_are_refused_or_read()
    {
        var opcodes = "NKMJ(t)]}lduesaqhQRb2.01cX\u0085\u0086\u0087\u0088\u0089\u0093\u0094\u008a"u8.ToArray();
        var random = new Random(11);
        var accepted = 0;
        for (var round = 0; round < 20_000; round++)
        {
            var pickle = new byte[random.Next(1, 60)];
            for (var i = 0; i < pickle.Length; i++) pickle[i] = random.Next(4) == 0 ? (byte)random.Next(4) : opcodes[random.Next(opcodes.Length)];
            try
            {
                PickleReader.Read("file.bin", pickle);
                accepted++;
            }
            catch (CheckpointException) { }
        }
        Assert.InRange(accepted, 1, 19_999);
    }

    /// <summary>Single bytes anywhere, a run of bytes near either end (where the structure lies), or a cut.</summary>
    private static byte[] Damage(byte[] original, Random random)
    {
        var damaged = original.ToArray();
        switch (random.Next(4))
        {
            case 0:
                for (var flips = random.Next(1, 200); flips > 0; flips--) damaged[random.Next(damaged.Length)] ^= (byte)(1 << random.Next(8));
                break;
            case 1:
                for (var flips = random.Next(1, 8); flips > 0; flips--) damaged[random.Next(6000)] = (byte)random.Next(256);
                break;
            case 2:
                for (var flips = random.Next(1, 8); flips > 0; flips--) damaged[^(1 + random.Next(4000))] = (byte)random.Next(256);
                break;
            default:
                return damaged[..random.Next(damaged.Length)];
        }
        return damaged;
    }

    private static bool Survives(string path)
    {
        try
        {
            using var reader = CheckpointReader.Open(path);
            foreach (var (name, entry) in reader.Tensors)
            {
                if (entry.Shape.Aggregate(1L, (product, size) => product * size) > LargestRead) continue;
                using var tensor = torch.empty([.. entry.Shape], torch.ScalarType.Float32);
                reader.CopyTo(name, tensor);
            }
            return true;
        }
        catch (CheckpointException)
        {
            return false;
        }
    }
}
