using System.Text;

namespace LlamaVid.Tests.Model.Weights;

/// <summary>Writes a stored zip whose sizes and offsets are all in zip64 fields, as in files over 4 GB.</summary>
internal static class Zip64
{
    public static byte[] Of(params (string Name, byte[] Bytes)[] entries)
    {
        var stream = new MemoryStream();
        Write(stream, 0, entries);
        return stream.ToArray();
    }

    /// <param name="stream">Left open.</param>
    /// <param name="gap">Bytes left out between entries; a file system stores a long gap as nothing.</param>
    /// <param name="entries">Names and bytes.</param>
    public static void Write(Stream stream, long gap, params (string Name, byte[] Bytes)[] entries)
    {
        var zip = new BinaryWriter(stream);
        var offsets = new List<long>();
        foreach (var (name, bytes) in entries)
        {
            if (offsets.Count > 0) stream.Seek(gap, SeekOrigin.Current);
            offsets.Add(stream.Position);
            Entry(zip, 0x04034b50, name, bytes.Length, null);
            zip.Write(bytes);
        }
        var directory = stream.Position;
        foreach (var ((name, bytes), offset) in entries.Zip(offsets)) Entry(zip, 0x02014b50, name, bytes.Length, offset);
        End(zip, directory, stream.Position, entries.Length);
        zip.Flush();
    }

    private static void Entry(BinaryWriter zip, uint magic, string name, long bytes, long? offset)
    {
        zip.Write(magic);
        zip.Write(new byte[offset is null ? 14 : 16]);         // versions, flags, method 0, time, CRC: not read
        zip.Write(uint.MaxValue);
        zip.Write(uint.MaxValue);
        zip.Write((ushort)name.Length);
        zip.Write((ushort)(offset is null ? 20 : 28));
        if (offset is not null)
        {
            zip.Write(new byte[10]);                           // comment, disk, attributes
            zip.Write(uint.MaxValue);
        }
        zip.Write(Encoding.UTF8.GetBytes(name));
        zip.Write((ushort)1);
        zip.Write((ushort)(offset is null ? 16 : 24));
        zip.Write(bytes);
        zip.Write(bytes);
        if (offset is { } header) zip.Write(header);
    }

    private static void End(BinaryWriter zip, long directory, long end, long count)
    {
        zip.Write(0x06064b50u);
        zip.Write(44L);
        zip.Write(new byte[12]);                               // versions, disks
        zip.Write(count);
        zip.Write(count);
        zip.Write(end - directory);
        zip.Write(directory);
        zip.Write(0x07064b50u);
        zip.Write(0u);
        zip.Write(end);
        zip.Write(1u);
        zip.Write(0x06054b50u);
        zip.Write(0u);
        zip.Write(uint.MaxValue);                              // both entry counts
        zip.Write(uint.MaxValue);
        zip.Write(uint.MaxValue);
        zip.Write((ushort)0);
    }
}
