using System;
using System.Collections.Generic;
using System.IO;
using System.Text;
using Microsoft.Build.Framework;
using Microsoft.Build.Utilities;

/// <summary>
/// Build step: writes a copy of libLibTorchSharp.so that loads on Debian 12 and Ubuntu 22.04 and never frees scalars. It changes
/// entries of the dynamic symbol tables only; on newer systems the copy behaves as the original does.
/// </summary>
/// <remarks>
/// 1. The library was linked by GCC 13 and asks libstdc++ for the version node GLIBCXX_3.4.32, for one symbol: a no-argument call
///    that sets up iostreams, which every other library of the process does by itself. The node becomes weak, the symbol unversioned
///    and its name that of a harmless no-argument function of libc.
/// 2. TorchSharp passes <c>scalar.Handle</c> to native code and keeps nothing alive during the call, so the finaliser may free the
///    scalar that the call still reads. THSTorch_dispose_scalar gets the address of the side-effect free THSTorch_scalar_type:
///    scalars are never freed (about 28 bytes each; the project's own code makes none per step).
/// See docs/decisions/0002-torchsharp-native-library.md.
/// </remarks>
public class PatchLibTorchSharp : Task
{
    private const string VersionNode = "GLIBCXX_3.4.32";
    private const string InitSymbol = "_ZSt21ios_base_library_initv";
    private const string HarmlessSymbol = "getpid";

    [Required]
    public string Source { get; set; }

    [Required]
    public string Destination { get; set; }

    public override bool Execute()
    {
        var elf = new Elf(File.ReadAllBytes(Source));
        if (elf.WeakenVersion(VersionNode))
            elf.RenameImport(InitSymbol, HarmlessSymbol);
        elf.Alias("THSTorch_dispose_scalar", "THSTorch_scalar_type");

        Directory.CreateDirectory(Path.GetDirectoryName(Destination));
        var draft = Destination + "." + Guid.NewGuid().ToString("N");
        File.WriteAllBytes(draft, elf.Bytes);
        if (File.Exists(Destination)) File.Delete(Destination);
        try { File.Move(draft, Destination); }
        catch (IOException) when (File.Exists(Destination)) { File.Delete(draft); }   // another project of the same build was first
        return true;
    }

    /// <summary>The few sections of a 64-bit little-endian ELF file that dynamic linking reads.</summary>
    private sealed class Elf
    {
        private const int SymbolSize = 24;
        private readonly Dictionary<string, long[]> _sections = new Dictionary<string, long[]>();   // name -> offset, size

        public byte[] Bytes { get; }

        public Elf(byte[] bytes)
        {
            Bytes = bytes;
            if (bytes.Length < 64 || bytes[0] != 0x7f || bytes[1] != 'E' || bytes[4] != 2 || bytes[5] != 1)
                throw new InvalidDataException("libLibTorchSharp.so is not a 64-bit little-endian ELF file.");
            var table = BitConverter.ToInt64(bytes, 40);
            int entry = BitConverter.ToUInt16(bytes, 58), count = BitConverter.ToUInt16(bytes, 60), names = BitConverter.ToUInt16(bytes, 62);
            Func<int, int, long> field = (section, at) => BitConverter.ToInt64(bytes, (int)(table + (long)section * entry + at));
            var nameTable = field(names, 24);
            for (var i = 0; i < count; i++)
            {
                var name = Text(nameTable + BitConverter.ToUInt32(bytes, (int)(table + (long)i * entry)));
                _sections[name] = new[] { field(i, 24), field(i, 32) };
            }
        }

        /// <summary>Sets VER_FLG_WEAK on a needed version; false when the library does not ask for it.</summary>
        public bool WeakenVersion(string version)
        {
            long need = Offset(".gnu.version_r"), strings = Offset(".dynstr");
            while (true)
            {
                var aux = need + BitConverter.ToUInt32(Bytes, (int)need + 8);
                for (int i = 0, n = BitConverter.ToUInt16(Bytes, (int)need + 2); i < n; i++)
                {
                    if (Text(strings + BitConverter.ToUInt32(Bytes, (int)aux + 8)) == version)
                    {
                        Bytes[aux + 4] |= 0x2;
                        return true;
                    }
                    aux += BitConverter.ToUInt32(Bytes, (int)aux + 12);
                }
                var next = BitConverter.ToUInt32(Bytes, (int)need + 12);
                if (next == 0) return false;
                need += next;
            }
        }

        /// <summary>Binds an imported symbol to another name, without a version.</summary>
        public void RenameImport(string from, string to)
        {
            var index = Find(from);
            Bytes[Offset(".gnu.version") + index * 2] = 1;                          // VER_NDX_GLOBAL
            Bytes[Offset(".gnu.version") + index * 2 + 1] = 0;
            var name = Offset(".dynstr") + BitConverter.ToUInt32(Bytes, (int)Symbol(index));
            Array.Clear(Bytes, (int)name, from.Length);
            Encoding.ASCII.GetBytes(to).CopyTo(Bytes, name);
        }

        /// <summary>Gives an exported symbol the value and size of another.</summary>
        public void Alias(string symbol, string target) =>
            Array.Copy(Bytes, Symbol(Find(target)) + 8, Bytes, Symbol(Find(symbol)) + 8, 16);

        private long Find(string name)
        {
            var count = _sections[".dynsym"][1] / SymbolSize;
            var strings = Offset(".dynstr");
            for (long i = 0; i < count; i++)
                if (Text(strings + BitConverter.ToUInt32(Bytes, (int)Symbol(i))) == name)
                    return i;
            throw new InvalidDataException("libLibTorchSharp.so has no dynamic symbol " + name + "; the build step was written for TorchSharp 0.107.");
        }

        private long Symbol(long index) => Offset(".dynsym") + index * SymbolSize;

        private long Offset(string section) => _sections[section][0];

        private string Text(long at)
        {
            var end = at;
            while (Bytes[end] != 0) end++;
            return Encoding.ASCII.GetString(Bytes, (int)at, (int)(end - at));
        }
    }
}
