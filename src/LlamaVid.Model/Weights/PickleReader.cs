using System.Buffers.Binary;
using System.Globalization;
using System.Text;

namespace LlamaVid.Model.Weights;

/// <summary>
/// Reads a pickle of tensors, protocols 0 to 5, as data. It knows the opcodes that such a pickle needs and the globals of
/// <see cref="StateDictGlobals"/>; everything else is refused by name. It never recurses and never allocates more than the pickle is long.
/// </summary>
/// <remarks>
/// Opcodes: Python's <c>pickletools</c>. Values: long, double, string, bool, null, byte[], <c>List&lt;object?&gt;</c> for lists and sets,
/// <c>object?[]</c> for tuples, and the types of <c>PickledValues.cs</c>.
/// </remarks>
internal sealed class PickleReader
{
    /// <summary>A 13B model's pickle has 0.2 MB and 50,000 opcodes; these bound what a hostile one can make us allocate.</summary>
    public const int LargestBytes = 16 << 20;
    private const int MostOpcodes = 4_000_000;
    private const int LongestShown = 100;

    private static readonly Dictionary<byte, string> RefusedOpcodes = new()
    {
        [(byte)'i'] = "INST", [(byte)'o'] = "OBJ", [(byte)'P'] = "PERSID", [0x82] = "EXT1", [0x83] = "EXT2", [0x84] = "EXT4",
        [0x92] = "NEWOBJ_EX", [0x97] = "NEXT_BUFFER", [0x98] = "READONLY_BUFFER",
    };

    private readonly string _path;
    private readonly byte[] _bytes;
    private readonly List<object?> _stack = [];
    private readonly Stack<int> _marks = [];
    private readonly Dictionary<long, object?> _memo = [];
    private int _at;

    private PickleReader(string path, byte[] bytes) => (_path, _bytes) = (path, bytes);

    /// <param name="path">The file to name in errors.</param>
    /// <param name="pickle">The whole pickle.</param>
    /// <exception cref="CheckpointException">The pickle is damaged or asks for something that a state_dict does not need.</exception>
    public static object? Read(string path, ReadOnlySpan<byte> pickle)
    {
        if (pickle.Length > LargestBytes) throw new CheckpointException(path, $"the pickle has {pickle.Length} bytes; at most {LargestBytes} are accepted.");
        return new PickleReader(path, pickle.ToArray()).Run();
    }

    private object? Run()
    {
        for (var opcodes = 0; opcodes < MostOpcodes; opcodes++)
        {
            var opcode = Byte();
            if (opcode == '.') return Pop();
            Step(opcode);
        }
        throw Fault($"it has more than {MostOpcodes} opcodes");
    }

    private void Step(byte opcode)
    {
        switch (opcode)
        {
            case 0x80: if (Byte() is > 5 and var protocol) throw Fault($"it uses protocol {protocol}; accepted: 0 to 5"); break;
            case 0x95: _ = Take(8); break;                                                                        // FRAME

            case (byte)'N': Push(null); break;
            case 0x88: Push(true); break;
            case 0x89: Push(false); break;
            case (byte)'I': Push(Line() switch { "00" => false, "01" => true, var text => Number(text) }); break;
            case (byte)'L': Push(Number(Line().TrimEnd('L'))); break;
            case (byte)'J': Push((long)BinaryPrimitives.ReadInt32LittleEndian(Take(4))); break;
            case (byte)'K': Push((long)Byte()); break;
            case (byte)'M': Push((long)BinaryPrimitives.ReadUInt16LittleEndian(Take(2))); break;
            case 0x8a: Push(Integer(Byte())); break;
            case 0x8b: Push(Integer(BinaryPrimitives.ReadInt32LittleEndian(Take(4)))); break;
            case (byte)'F': Push(double.TryParse(Line(), CultureInfo.InvariantCulture, out var real) ? real : throw Fault("it has a damaged number")); break;
            case (byte)'G': Push(BinaryPrimitives.ReadDoubleBigEndian(Take(8))); break;

            case (byte)'S': Push(Plain(Line().Trim('\'', '"'))); break;
            case (byte)'V': Push(Plain(Line())); break;
            case (byte)'T': Push(Encoding.Latin1.GetString(Take(BinaryPrimitives.ReadInt32LittleEndian(Take(4))))); break;
            case (byte)'U': Push(Encoding.Latin1.GetString(Take(Byte()))); break;
            case (byte)'X': Push(Encoding.UTF8.GetString(Take(BinaryPrimitives.ReadUInt32LittleEndian(Take(4))))); break;
            case 0x8c: Push(Encoding.UTF8.GetString(Take(Byte()))); break;
            case 0x8d: Push(Encoding.UTF8.GetString(Take(BinaryPrimitives.ReadInt64LittleEndian(Take(8))))); break;
            case (byte)'B': Push(Take(BinaryPrimitives.ReadUInt32LittleEndian(Take(4))).ToArray()); break;
            case (byte)'C': Push(Take(Byte()).ToArray()); break;
            case 0x8e or 0x96: Push(Take(BinaryPrimitives.ReadInt64LittleEndian(Take(8))).ToArray()); break;

            case (byte)']' or 0x8f: Push(new List<object?>()); break;                                             // EMPTY_LIST, EMPTY_SET
            case (byte)'l' or 0x91: Push(PopMarked()); break;                                                     // LIST, FROZENSET
            case (byte)'a': Append([Pop()]); break;
            case (byte)'e' or 0x90: Append(PopMarked()); break;                                                   // APPENDS, ADDITEMS
            case (byte)'}': Push(new PickledDict()); break;
            case (byte)'d': var pairs = PopMarked(); Push(new PickledDict()); SetItems(pairs); break;
            case (byte)'s': var value = Pop(); SetItems([Pop(), value]); break;
            case (byte)'u': SetItems(PopMarked()); break;
            case (byte)')': Push(Array.Empty<object?>()); break;
            case 0x85: Push(PopMany(1)); break;
            case 0x86: Push(PopMany(2)); break;
            case 0x87: Push(PopMany(3)); break;
            case (byte)'t': Push(PopMarked().ToArray()); break;

            case (byte)'(': _marks.Push(_stack.Count); break;
            case (byte)'0': PopOrUnmark(); break;
            case (byte)'1': PopMarked(); break;
            case (byte)'2': Push(Peek()); break;
            case (byte)'g': Push(Recall(Number(Line()))); break;
            case (byte)'h': Push(Recall(Byte())); break;
            case (byte)'j': Push(Recall(BinaryPrimitives.ReadUInt32LittleEndian(Take(4)))); break;
            case (byte)'p': _memo[Number(Line())] = Peek(); break;
            case (byte)'q': _memo[Byte()] = Peek(); break;
            case (byte)'r': _memo[BinaryPrimitives.ReadUInt32LittleEndian(Take(4))] = Peek(); break;
            case 0x94: _memo[_memo.Count] = Peek(); break;

            case (byte)'c': var module = Line(); Push(Global(module, Line())); break;
            case 0x93: var name = Pop(); Push(Global(Pop() as string ?? "?", name as string ?? "?")); break;
            case (byte)'R' or 0x81: Call(); break;                                                                // REDUCE, NEWOBJ
            case (byte)'b': Build(); break;
            case (byte)'Q': Push(StateDictGlobals.Storage(Pop()) ?? throw Fault("it refers to something outside that is not a storage of numbers")); break;

            default:
                throw Fault(RefusedOpcodes.TryGetValue(opcode, out var known)
                    ? $"it uses opcode {known}, which a state_dict does not need; nothing was run" : $"byte 0x{opcode:x2} is no opcode");
        }
    }

    private PickledGlobal Global(string module, string name)
    {
        var full = $"{module}.{name}";
        if (StateDictGlobals.Contains(full)) return new(full);
        if (full.Length > LongestShown) full = full[..LongestShown] + "…";
        throw Fault($"it asks for \"{full}\", which a state_dict does not need; nothing was run. Accepted is what torch.save(model.state_dict(), path) writes");
    }

    private void Call()
    {
        var arguments = Pop() as object?[] ?? throw Fault("it calls something without a tuple of arguments");
        var callable = Pop() as PickledGlobal ?? throw Fault("it calls something that is not a name");
        Push(StateDictGlobals.Call(callable, arguments) ?? throw Fault($"it calls \"{callable.Name}\" with arguments that are not accepted"));
    }

    /// <summary>State set on a dict is PyTorch's <c>_metadata</c> and not needed; anything else would be an object of a class.</summary>
    private void Build()
    {
        Pop();
        if (Peek() is not PickledDict) throw Fault("it sets the state of an object that is not a dict");
    }

    private void Append(List<object?> items) => (Peek() as List<object?> ?? throw Fault("it appends to something that is not a list")).AddRange(items);

    private void SetItems(List<object?> items)
    {
        if (Peek() is not PickledDict dict || items.Count % 2 != 0) throw Fault("it sets items of something that is not a dict");
        for (var i = 0; i < items.Count; i += 2) dict.Items.Add((items[i], items[i + 1]));
    }

    private void Push(object? value) => _stack.Add(value);

    private object? Peek() => _stack.Count > Floor ? _stack[^1] : throw Fault("its stack is empty");

    private object? Pop()
    {
        var value = Peek();
        _stack.RemoveAt(_stack.Count - 1);
        return value;
    }

    private void PopOrUnmark()
    {
        if (_stack.Count == Floor && _marks.Count > 0) _marks.Pop();
        else Pop();
    }

    private object?[] PopMany(int count)
    {
        if (_stack.Count - Floor < count) throw Fault("its stack is empty");
        var values = _stack.GetRange(_stack.Count - count, count).ToArray();
        _stack.RemoveRange(_stack.Count - count, count);
        return values;
    }

    private List<object?> PopMarked()
    {
        if (!_marks.TryPop(out var mark)) throw Fault("it has no mark");
        var values = _stack.GetRange(mark, _stack.Count - mark);
        _stack.RemoveRange(mark, _stack.Count - mark);
        return values;
    }

    /// <summary>Values below the last mark belong to what is being collected.</summary>
    private int Floor => _marks.TryPeek(out var mark) ? mark : 0;

    private object? Recall(long key) => _memo.TryGetValue(key, out var value) ? value : throw Fault($"it recalls {key}, which was never stored");

    private byte Byte() => Take(1)[0];

    private ReadOnlySpan<byte> Take(long count)
    {
        if (count < 0 || count > _bytes.Length - _at) throw Fault("it is truncated");
        _at += (int)count;
        return _bytes.AsSpan(_at - (int)count, (int)count);
    }

    private string Line()
    {
        var length = _bytes.AsSpan(_at).IndexOf((byte)'\n');
        if (length < 0) throw Fault("it is truncated");
        return Encoding.UTF8.GetString(Take(length + 1)[..^1]);
    }

    private string Plain(string text) => text.Contains('\\') ? throw Fault("it has a text with escapes, which a state_dict does not need") : text;

    private long Number(string text) =>
        long.TryParse(text, NumberStyles.AllowLeadingSign, CultureInfo.InvariantCulture, out var number) ? number : throw Fault("it has a damaged number");

    private long Integer(int length)
    {
        if (length is < 0 or > sizeof(long)) throw Fault($"it has a number of {length} bytes; at most {sizeof(long)} are accepted");
        var bytes = Take(length);
        var value = length > 0 && (bytes[^1] & 0x80) != 0 ? -1L : 0L;
        for (var i = length - 1; i >= 0; i--) value = (value << 8) | bytes[i];
        return value;
    }

    private CheckpointException Fault(string problem) => new(_path, $"the pickle is refused at byte {_at}: {problem}.");
}
