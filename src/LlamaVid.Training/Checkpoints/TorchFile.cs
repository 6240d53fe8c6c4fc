using System.IO.Compression;
using System.Text;

namespace LlamaVid.Training.Checkpoints;

/// <summary>Writes named tensors as <c>torch.save(state_dict, path)</c> does: a stored zip with a pickle and one entry per tensor. Knows no model.</summary>
internal static class TorchFile
{
    private const string Root = "archive";

    /// <param name="stream">can seek; stays open</param>
    /// <param name="tensors">by their names, each written as it is; none shares memory with another in the file</param>
    /// <exception cref="ArgumentException">A tensor has a dtype that such files do not hold here.</exception>
    public static void Write(Stream stream, IEnumerable<(string Name, Tensor Value)> tensors)
    {
        using var zip = new ZipArchive(stream, ZipArchiveMode.Create, leaveOpen: true);
        var pickle = new StateDictPickle();
        var count = 0;
        foreach (var (name, value) in tensors)
        {
            using var scope = NewDisposeScope();
            var tensor = value.cpu().contiguous();
            pickle.Add(name, $"{count}", StorageOf(tensor), tensor.shape);
            using var entry = Open(zip, $"data/{count++}");
            entry.Write(tensor.bytes);
        }
        Write(zip, "data.pkl", pickle.ToArray());
        Write(zip, "byteorder", "little"u8);
        Write(zip, "version", "3\n"u8);
    }

    /// <param name="path">is replaced only when all has been written</param>
    public static void Write(string path, IEnumerable<(string Name, Tensor Value)> tensors)
    {
        Directory.CreateDirectory(Path.GetDirectoryName(Path.GetFullPath(path))!);
        var unfinished = path + ".unfinished";
        using (var stream = File.Create(unfinished)) Write(stream, tensors);
        File.Move(unfinished, path, overwrite: true);
    }

    private static string StorageOf(Tensor tensor) => tensor.dtype switch
    {
        ScalarType.Float32 => "FloatStorage",
        ScalarType.Float16 => "HalfStorage",
        ScalarType.BFloat16 => "BFloat16Storage",
        ScalarType.Float64 => "DoubleStorage",
        ScalarType.Int64 => "LongStorage",
        ScalarType.Int32 => "IntStorage",
        ScalarType.Byte => "ByteStorage",
        ScalarType.Bool => "BoolStorage",
        _ => throw new ArgumentException($"a tensor of {tensor.dtype} is not written to checkpoints"),
    };

    private static void Write(ZipArchive zip, string name, ReadOnlySpan<byte> bytes)
    {
        using var entry = Open(zip, name);
        entry.Write(bytes);
    }

    /// <summary>Entries have one date always, so that the same tensors give the same bytes: a tower is known by them.</summary>
    private static Stream Open(ZipArchive zip, string name)
    {
        var entry = zip.CreateEntry($"{Root}/{name}", CompressionLevel.NoCompression);
        entry.LastWriteTime = new(1980, 1, 1, 0, 0, 0, TimeSpan.Zero);
        return entry.Open();
    }

    /// <summary>The pickle of a dict of tensors, protocol 2: the opcodes that torch.load and its weights-only reader know.</summary>
    private sealed class StateDictPickle
    {
        private readonly List<byte> _bytes = [];

        public StateDictPickle() => Raw([0x80, 2, (byte)'}']);

        public byte[] ToArray()
        {
            Op('.');
            return [.. _bytes];
        }

        /// <summary>name: _rebuild_tensor_v2(storage, 0, shape, strides, False, OrderedDict())</summary>
        public void Add(string name, string key, string storage, long[] shape)
        {
            Text(name);
            Global("torch._utils", "_rebuild_tensor_v2");
            Op('(');
            Op('(');
            Text("storage");
            Global("torch", storage);
            Text(key);
            Text("cpu");
            Number(shape.Aggregate(1L, (size, side) => size * side));
            Op('t');
            Op('Q');
            Number(0);
            Tuple(shape);
            Tuple([.. shape.Select((_, axis) => shape.Skip(axis + 1).Aggregate(1L, (size, side) => size * side))]);
            Raw([0x89]);
            Global("collections", "OrderedDict");
            foreach (var op in ")RtRs") Op(op);
        }

        private void Tuple(long[] numbers)
        {
            Op('(');
            foreach (var number in numbers) Number(number);
            Op('t');
        }

        private void Number(long number)
        {
            if (number is >= 0 and < 256)
            {
                Raw([(byte)'K', (byte)number]);
                return;
            }
            Raw([0x8a, 8]);
            Raw(BitConverter.GetBytes(number));
        }

        private void Text(string text)
        {
            var bytes = Encoding.UTF8.GetBytes(text);
            Op('X');
            Raw(BitConverter.GetBytes(bytes.Length));
            Raw(bytes);
        }

        private void Global(string module, string name) => Raw(Encoding.ASCII.GetBytes($"c{module}\n{name}\n"));

        private void Op(char op) => _bytes.Add((byte)op);

        private void Raw(ReadOnlySpan<byte> bytes) => _bytes.AddRange(bytes);
    }
}
