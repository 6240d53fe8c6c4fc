namespace LlamaVid.Media;

/// <summary>A private folder for one piece of media. Everything in it has a name we chose, and all of it goes when the folder goes.</summary>
/// <remarks>
/// Child processes run inside it and are given relative names only, so no path of a client or of the machine is ever part of a command line.
/// A file in it is locked as long as its process lives, whatever ends it: what is not locked was left behind, and is swept by the next process that starts.
/// </remarks>
public sealed class Workspace : IDisposable
{
    /// <summary>The name of the media file inside the folder, and how ffmpeg is told to open it.</summary>
    internal const string Media = "media", MediaUrl = "file:" + Media;

    private const string Prefix = "llamavid-", Lock = "lock";
    private const int IdLength = 15, MostTrials = 10;

    private readonly FileStream _lock;
    private int _sockets;

    private Workspace(string folder, FileStream held) => (Folder, _lock) = (folder, held);

    public string Folder { get; }
    public string MediaPath => Path.Combine(Folder, Media);

    public static Workspace Create(MediaOptions options)
    {
        for (var trial = 1; ; trial++)
            try
            {
                return CreateOnce(options);
            }
            catch (IOException) when (trial < MostTrials)
            {
                // a process that has just started took the folder, before it had its lock, for one that was left
            }
    }

    private static Workspace CreateOnce(MediaOptions options)
    {
        var id = Guid.NewGuid().ToString("N")[..IdLength];
        var (unlocked, folder) = (Path.Combine(options.TempRoot, $".{Prefix}{id}"), Path.Combine(options.TempRoot, $"{Prefix}{id}"));
        Directory.CreateDirectory(options.TempRoot);
        if (OperatingSystem.IsWindows()) Directory.CreateDirectory(unlocked);
        else Directory.CreateDirectory(unlocked, UnixFileMode.UserRead | UnixFileMode.UserWrite | UnixFileMode.UserExecute);
        FileStream? held = null;
        try
        {
            held = new FileStream(Path.Combine(unlocked, Lock), FileMode.CreateNew, FileAccess.Write, FileShare.None);
            Directory.Move(unlocked, folder);               // only now may it be seen by a process that sweeps
            return new(folder, held);
        }
        catch
        {
            if (Directory.Exists(unlocked)) Delete(unlocked);
            held?.Dispose();
            throw;
        }
    }

    /// <summary>Removes what processes that were killed have left behind.</summary>
    /// <exception cref="TemporaryFolderUnusableException">no workspace could be made at all</exception>
    internal static void Prepare(MediaOptions options)
    {
        try
        {
            using var trial = Create(options);
            trial.CreateMedia().Dispose();
            using var second = TryLock(trial.Folder);
            if (second is not null) return;                // a file system without locks: nobody knows who lives
            foreach (var folder in (string[])[.. Directory.EnumerateDirectories(options.TempRoot, $"{Prefix}*"), .. Directory.EnumerateDirectories(options.TempRoot, $".{Prefix}*")])
                Sweep(folder);
        }
        catch (Exception fault) when (fault is IOException or UnauthorizedAccessException)
        {
            throw new TemporaryFolderUnusableException(options.TempRoot, fault);
        }
    }

    public FileStream CreateMedia() => new(MediaPath, FileMode.Create, FileAccess.Write, FileShare.None, 1 << 16, FileOptions.Asynchronous);

    /// <summary>Uses a file where it lies, under our name for it.</summary>
    internal void Link(string path) => File.CreateSymbolicLink(MediaPath, Path.GetFullPath(path));

    internal string NewSocketName() => $"s{Interlocked.Increment(ref _sockets)}";

    public void Dispose()
    {
        if (Directory.Exists(Folder)) Delete(Folder);
        _lock.Dispose();
    }

    private static void Sweep(string folder)
    {
        using var dead = TryLock(folder);
        if (dead is not null) Delete(folder);
        else if (Path.GetFileName(folder).TrimStart('.').Length == Prefix.Length + IdLength) DeleteEmpty(folder);
    }

    /// <summary>An empty folder was about to go, or to get its lock, when its process was killed. Where its process lives, it is about to go, or another is made in its place.</summary>
    private static void DeleteEmpty(string folder)
    {
        try
        {
            Directory.Delete(folder);
        }
        catch (Exception fault) when (fault is IOException or UnauthorizedAccessException)
        {
            // it is not empty, another user's, or gone by now
        }
    }

    /// <summary>The lock goes last: whatever is left when the process is killed meanwhile can still be told to be dead.</summary>
    private static void Delete(string folder)
    {
        try
        {
            foreach (var entry in new DirectoryInfo(folder).EnumerateFileSystemInfos().Where(entry => entry.Name != Lock))
                if (entry is DirectoryInfo { LinkTarget: null } inner) inner.Delete(recursive: true);
                else entry.Delete();                                        // a link, not what it leads to
            Directory.Delete(folder, recursive: true);
        }
        catch (DirectoryNotFoundException)
        {
            // its own process has just left, or another that has just started has swept it
        }
    }

    /// <returns>Null where another process, or this one, holds the lock; also for what is not a workspace, or another user's.</returns>
    private static FileStream? TryLock(string folder)
    {
        try
        {
            return new(Path.Combine(folder, Lock), FileMode.Open, FileAccess.ReadWrite, FileShare.None);
        }
        catch (Exception fault) when (fault is IOException or UnauthorizedAccessException)
        {
            return null;
        }
    }
}
