namespace LlamaVid.Media;

/// <summary>A private folder for one piece of media. Everything in it has a name we chose, and all of it goes when the folder goes.</summary>
/// <remarks>Child processes run inside it and are given relative names only, so no path of a client or of the machine is ever part of a command line.</remarks>
internal sealed class Workspace : IDisposable
{
    /// <summary>The name of the media file inside the folder, and how ffmpeg is told to open it.</summary>
    public const string Media = "media", MediaUrl = "file:" + Media;

    private int _sockets;

    private Workspace(string folder) => Folder = folder;

    public string Folder { get; }
    public string MediaPath => Path.Combine(Folder, Media);

    public static Workspace Create(MediaOptions options)
    {
        var folder = Path.Combine(options.TempRoot, $"llamavid-{Guid.NewGuid():N}"[..24]);
        Directory.CreateDirectory(options.TempRoot);
        if (OperatingSystem.IsWindows()) Directory.CreateDirectory(folder);
        else Directory.CreateDirectory(folder, UnixFileMode.UserRead | UnixFileMode.UserWrite | UnixFileMode.UserExecute);
        return new(folder);
    }

    /// <exception cref="TemporaryFolderUnusableException">no workspace could be made at all</exception>
    public static void RequireUsable(MediaOptions options)
    {
        try
        {
            using var trial = Create(options);
            trial.CreateMedia().Dispose();
        }
        catch (Exception fault) when (fault is IOException or UnauthorizedAccessException)
        {
            throw new TemporaryFolderUnusableException(options.TempRoot, fault);
        }
    }

    public FileStream CreateMedia() => new(MediaPath, FileMode.Create, FileAccess.Write, FileShare.None, 1 << 16, FileOptions.Asynchronous);

    /// <summary>Uses a file where it lies, under our name for it.</summary>
    public void Link(string path) => File.CreateSymbolicLink(MediaPath, Path.GetFullPath(path));

    public string NewSocketName() => $"s{Interlocked.Increment(ref _sockets)}";

    public void Dispose()
    {
        if (Directory.Exists(Folder)) Directory.Delete(Folder, recursive: true);   // does not follow links
    }
}
