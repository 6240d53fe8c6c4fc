using System.IO.Compression;
using System.Text;

namespace LlamaVid.Model.Layers;

/// <summary>Makes the archive that <c>torch.jit.load</c> reads, of a module without state. Knows nothing of what the code does.</summary>
internal static class TorchScriptArchive
{
    /// <param name="code">defines the class <c>M</c> in the dialect of saved TorchScript</param>
    public static byte[] Of(string code)
    {
        using var archive = new MemoryStream();
        using (var zip = new ZipArchive(archive, ZipArchiveMode.Create, leaveOpen: true))
        {
            Put("data.pkl", [0x80, 2, .. "c__torch__\nM\nq"u8, 0, .. ")"u8, 0x81, .. "q"u8, 1, .. "}q"u8, 2, .. "b."u8]);   // an object of M without attributes
            Put("code/__torch__.py", Encoding.ASCII.GetBytes(code));
            Put("constants.pkl", [0x80, 2, .. ")."u8]);                                                              // the empty tuple
            Put("version", "3\n"u8);

            void Put(string name, ReadOnlySpan<byte> content)
            {
                using var entry = zip.CreateEntry($"kernels/{name}", CompressionLevel.NoCompression).Open();
                entry.Write(content);
            }
        }
        return archive.ToArray();
    }
}
