using System.Buffers.Binary;
using System.IO.Compression;
using System.Runtime.InteropServices;
using System.Text;

namespace LlamaVid.Tests.Model.Weights;

/// <summary>Makes the bytes of small checkpoint files, right and wrong ones.</summary>
internal static class CheckpointFiles
{
    /// <summary>A zip as torch.save writes it: stored entries under one root.</summary>
    public static byte[] Torch(byte[] pickle, params (string Name, byte[] Bytes)[] entries) =>
        Zip([("archive/data.pkl", pickle, CompressionLevel.NoCompression), .. entries.Select(entry => ($"archive/{entry.Name}", entry.Bytes, CompressionLevel.NoCompression))]);

    public static byte[] Zip(params (string Name, byte[] Bytes, CompressionLevel Level)[] entries)
    {
        var stream = new MemoryStream();
        using (var zip = new ZipArchive(stream, ZipArchiveMode.Create, leaveOpen: true))
            foreach (var (name, bytes, level) in entries)
            {
                using var entry = zip.CreateEntry(name, level).Open();
                entry.Write(bytes);
            }
        return stream.ToArray();
    }

    public static byte[] Safetensors(string header, byte[] values)
    {
        var text = Encoding.UTF8.GetBytes(header);
        var bytes = new byte[8 + text.Length + values.Length];
        BinaryPrimitives.WriteInt64LittleEndian(bytes, text.Length);
        text.CopyTo(bytes, 8);
        values.CopyTo(bytes, 8 + text.Length);
        return bytes;
    }

    /// <summary>float32 tensors, one after the other.</summary>
    public static byte[] Safetensors(params (string Name, float[] Values)[] tensors)
    {
        var at = 0;
        var header = string.Join(",", tensors.Select(tensor =>
            $"\"{tensor.Name}\":{{\"dtype\":\"F32\",\"shape\":[{tensor.Values.Length}],\"data_offsets\":[{at},{at += tensor.Values.Length * 4}]}}"));
        return Safetensors($"{{{header}}}", Bytes([.. tensors.SelectMany(tensor => tensor.Values)]));
    }

    public static byte[] Bytes<T>(params T[] values) where T : unmanaged => MemoryMarshal.AsBytes<T>(values).ToArray();
}
