namespace LlamaVid.Server.Tests.Http;

/// <summary>A disk of a few megabytes, in memory, that a test fills to its last byte. Tests are skipped where none can be mounted.</summary>
internal sealed class SmallDisk : IDisposable
{
    private const int Megabytes = 24;

    private readonly DirectoryInfo _mount;
    private readonly string _filler;

    private SmallDisk(DirectoryInfo mount) => (_mount, _filler) = (mount, Path.Combine(mount.FullName, "filler"));

    public static async Task<SmallDisk> MountAsync()
    {
        var mount = Directory.CreateTempSubdirectory("lvdisk");
        var mounted = OperatingSystem.IsLinux() && (await Clips.RunAsync("mount", "-t", "tmpfs", "-o", $"size={Megabytes}m", "tmpfs", mount.FullName)).Code == 0;
        if (!mounted) mount.Delete();
        Assert.SkipUnless(mounted, "a tmpfs cannot be mounted here");
        return new(mount);
    }

    /// <summary>A folder on the disk, made now.</summary>
    public string Folder(string name) => _mount.CreateSubdirectory(name).FullName;

    /// <summary>Takes all the room there is, again when some has come free.</summary>
    public void Fill()
    {
        try
        {
            using var filler = new FileStream(_filler, FileMode.Append, FileAccess.Write, FileShare.None, 0);
            while (true) filler.Write(new byte[4096]);
        }
        catch (IOException)
        {
            // full
        }
    }

    public void Free() => File.Delete(_filler);

    /// <summary>Every file on it but the filler and what databases keep for themselves.</summary>
    public string[] Left(string folder) =>
        [.. Directory.GetFiles(Folder(folder), "*", SearchOption.AllDirectories).Where(path => !Path.GetFileName(path).Contains(".db", StringComparison.Ordinal) && Path.GetFileName(path) != "lock")];

    public void Dispose()
    {
        _ = Clips.RunAsync("umount", "-l", _mount.FullName).GetAwaiter().GetResult();
        _mount.Delete();
    }
}
