using System.Buffers.Binary;
using System.Text;

namespace LlamaVid.Tests.Model.Weights;

/// <summary>Writes pickles opcode by opcode, protocol 2 as torch does unless a test says otherwise.</summary>
internal sealed class Pickle
{
    private readonly List<byte> _bytes = [];

    public static Pickle Start() => new Pickle().Op(0x80, 2);

    public byte[] Stop() => Op('.')._bytes.ToArray();

    public Pickle Op(params int[] bytes)
    {
        foreach (var value in bytes) _bytes.Add((byte)value);
        return this;
    }

    public Pickle Raw(string ascii) => Raw(Encoding.UTF8.GetBytes(ascii));

    public Pickle Raw(byte[] bytes)
    {
        _bytes.AddRange(bytes);
        return this;
    }

    public Pickle Text(string text) => Op('X').Raw(Int32(Encoding.UTF8.GetByteCount(text))).Raw(text);

    public Pickle Number(long number)
    {
        if (number is >= 0 and < 256) return Op('K', (int)number);
        var bytes = new byte[8];
        BinaryPrimitives.WriteInt64LittleEndian(bytes, number);
        return Op(0x8a, 8).Raw(bytes);
    }

    public Pickle Global(string module, string name) => Raw($"c{module}\n{name}\n");

    public Pickle Tuple(params long[] values)
    {
        Op('(');
        foreach (var value in values) Number(value);
        return Op('t');
    }

    public Pickle Storage(string type, string key, long count) => Op('(').Text("storage").Global("torch", type).Text(key).Text("cpu").Number(count).Op('t', 'Q');

    /// <summary>What torch writes for a tensor: _rebuild_tensor_v2(storage, offset, size, stride, False, OrderedDict()).</summary>
    public Pickle Tensor(string type, string key, long count, long offset, long[] shape, long[] strides) =>
        Global("torch._utils", "_rebuild_tensor_v2").Op('(').Storage(type, key, count).Number(offset).Tuple(shape).Tuple(strides)
            .Op(0x89).Global("collections", "OrderedDict").Op(')', 'R', 't', 'R');

    /// <summary>A dict with one float32 tensor "w" in storage "0".</summary>
    public static byte[] OneTensor(long count, long offset, long[] shape, long[] strides, string type = "FloatStorage") =>
        Start().Op('}').Text("w").Tensor(type, "0", count, offset, shape, strides).Op('s').Stop();

    private static byte[] Int32(int value)
    {
        var bytes = new byte[4];
        BinaryPrimitives.WriteInt32LittleEndian(bytes, value);
        return bytes;
    }
}
