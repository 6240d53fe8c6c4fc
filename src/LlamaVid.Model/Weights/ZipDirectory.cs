using System.Buffers.Binary;
using System.Text;

namespace LlamaVid.Model.Weights;

/// <summary>Where the entries of a zip file lie, zip64 included. It finds stored entries in the map; compressed and encrypted ones it refuses.</summary>
/// <remarks>Layout: PKWARE APPNOTE 6.3, sections 4.3.7 (local header), 4.3.12 (central directory), 4.3.14–4.3.16 (ends), 4.5.3 (zip64).</remarks>
internal sealed class ZipDirectory
{
    private const uint LocalMagic = 0x04034b50, CentralMagic = 0x02014b50, EndMagic = 0x06054b50, End64Magic = 0x06064b50, Locator64Magic = 0x07064b50;
    private const int LocalLength = 30, CentralLength = 46, EndLength = 22, End64Length = 56, Locator64Length = 20;
    private const int LargestDirectoryBytes = 64 << 20;
    private const ushort Zip64Extra = 1;

    private readonly MappedFile _file;
    private readonly Dictionary<string, Entry> _entries = [];

    public ZipDirectory(MappedFile file)
    {
        _file = file;
        var (offset, bytes, count) = FindDirectory();
        if (bytes is < 0 or > LargestDirectoryBytes || !file.Contains(offset, bytes))
            throw Fault($"its directory of {bytes} bytes at {offset} is not inside the file");
        var directory = file.Read(offset, (int)bytes);
        while (directory.Length > 0) directory = directory[ReadEntry(directory)..];
        if (_entries.Count != count) throw Fault($"its directory lists {_entries.Count} entries and announces {count}");
    }

    public IEnumerable<string> Names => _entries.Keys;

    public bool Contains(string name) => _entries.ContainsKey(name);

    /// <summary>The entry's bytes in the mapped file.</summary>
    /// <exception cref="CheckpointException">There is no such entry, or it is compressed, encrypted or truncated.</exception>
    public (long Offset, long Bytes) Find(string name)
    {
        if (!_entries.TryGetValue(name, out var entry)) throw Fault($"it has no entry \"{name}\"");
        if (entry.IsEncrypted) throw Fault($"its entry \"{name}\" is encrypted");
        if (entry.Method != 0 || entry.Bytes != entry.StoredBytes)
            throw Fault($"its entry \"{name}\" is compressed, which torch.save never does; unpack the archive and store it again without compression");
        if (!_file.Contains(entry.Header, LocalLength)) throw Fault($"its entry \"{name}\" is not inside the file");
        var header = _file.Read(entry.Header, LocalLength);
        if (U32(header, 0) != LocalMagic) throw Fault($"its entry \"{name}\" has no header at {entry.Header}");
        var offset = entry.Header + LocalLength + U16(header, 26) + U16(header, 28);
        return _file.Contains(offset, entry.Bytes) ? (offset, entry.Bytes) : throw Fault($"its entry \"{name}\" of {entry.Bytes} bytes is not inside the file");
    }

    private (long Offset, long Bytes, long Count) FindDirectory()
    {
        var tail = (int)Math.Min(_file.Length, EndLength + ushort.MaxValue);
        var bytes = _file.Read(_file.Length - tail, tail);
        for (var at = tail - EndLength; at >= 0; at--)
        {
            if (U32(bytes, at) != EndMagic || at + EndLength + U16(bytes, at + 20) != tail) continue;
            long count = U16(bytes, at + 10), length = U32(bytes, at + 12), offset = U32(bytes, at + 16);
            return count == ushort.MaxValue || length == uint.MaxValue || offset == uint.MaxValue
                ? FindDirectory64(_file.Length - tail + at - Locator64Length) : (offset, length, count);
        }
        throw Fault("it has no end record, as when a download was cut off");
    }

    private (long Offset, long Bytes, long Count) FindDirectory64(long locator)
    {
        if (!_file.Contains(locator, Locator64Length) || U32(_file.Read(locator, Locator64Length), 0) != Locator64Magic)
            throw Fault("its zip64 locator is missing");
        var end = I64(_file.Read(locator, Locator64Length), 8);
        if (!_file.Contains(end, End64Length) || U32(_file.Read(end, End64Length), 0) != End64Magic) throw Fault("its zip64 end record is missing");
        var record = _file.Read(end, End64Length);
        return (I64(record, 48), I64(record, 40), I64(record, 32));
    }

    /// <summary>Reads the first entry of what is left of the directory; returns its length.</summary>
    private int ReadEntry(ReadOnlySpan<byte> at)
    {
        if (at.Length < CentralLength || U32(at, 0) != CentralMagic) throw Fault("its directory is damaged");
        int name = U16(at, 28), extra = U16(at, 30), length = CentralLength + name + extra + U16(at, 32);
        if (length > at.Length) throw Fault("its directory is damaged");

        long bytes = U32(at, 24), stored = U32(at, 20), header = U32(at, 42);
        ReadZip64(at.Slice(CentralLength + name, extra), ref bytes, ref stored, ref header);
        var text = Encoding.UTF8.GetString(at.Slice(CentralLength, name));
        if (!_entries.TryAdd(text, new(header, bytes, stored, U16(at, 10), (U16(at, 8) & 1) != 0))) throw Fault($"it has two entries \"{text}\"");
        return length;
    }

    /// <summary>The zip64 field holds, in this order, only those values whose 32-bit field is full.</summary>
    private static void ReadZip64(ReadOnlySpan<byte> extra, ref long bytes, ref long stored, ref long header)
    {
        while (extra.Length >= 4)
        {
            int id = U16(extra, 0), length = Math.Min(U16(extra, 2), extra.Length - 4);
            var field = extra.Slice(4, length);
            extra = extra[(4 + length)..];
            if (id != Zip64Extra) continue;
            Take(ref bytes, ref field);
            Take(ref stored, ref field);
            Take(ref header, ref field);
        }

        static void Take(ref long value, ref ReadOnlySpan<byte> field)
        {
            if (value != uint.MaxValue || field.Length < sizeof(long)) return;
            value = I64(field, 0);
            field = field[sizeof(long)..];
        }
    }

    private CheckpointException Fault(string problem) => new(_file.Path, $"the zip archive is not usable: {problem}.");

    private static ushort U16(ReadOnlySpan<byte> bytes, int at) => BinaryPrimitives.ReadUInt16LittleEndian(bytes[at..]);
    private static uint U32(ReadOnlySpan<byte> bytes, int at) => BinaryPrimitives.ReadUInt32LittleEndian(bytes[at..]);
    private static long I64(ReadOnlySpan<byte> bytes, int at) => BinaryPrimitives.ReadInt64LittleEndian(bytes[at..]);

    private readonly record struct Entry(long Header, long Bytes, long StoredBytes, ushort Method, bool IsEncrypted);
}
