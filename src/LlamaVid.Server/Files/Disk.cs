using System.Runtime.InteropServices;
using Microsoft.Data.Sqlite;
using static SQLitePCL.raw;

namespace LlamaVid.Server.Files;

/// <summary>What the framework has no call for: a folder's entries on the disk, a second name of a file, and a disk that is full.</summary>
internal static partial class Disk
{
    private const int Exists = 17, NoSpace = 28, OverQuota = 122;      // EEXIST, ENOSPC, EDQUOT

    /// <summary>Makes renames within the folder last through a power cut. Where folders cannot be synced, the file system does it by itself.</summary>
    public static void SyncFolder(string folder)
    {
        if (!OperatingSystem.IsLinux()) return;
        var descriptor = Open(folder, 0);
        if (descriptor < 0) return;
        _ = FSync(descriptor);
        _ = Close(descriptor);
    }

    /// <summary>Gives a file a second name; its bytes are there until the last name is deleted.</summary>
    /// <returns>False where the file system cannot, above all when the names would lie on different ones.</returns>
    public static bool TryLink(string path, string secondPath) =>
        OperatingSystem.IsLinux() && (Link(path, secondPath) == 0 || Marshal.GetLastPInvokeError() == Exists);

    /// <summary>Whether there was no room for what was to be written, to a file or to a table.</summary>
    public static bool IsFull(Exception fault) => fault is
        IOException { HResult: NoSpace or OverQuota } or SqliteException { SqliteErrorCode: SQLITE_FULL } or SqliteException { SqliteExtendedErrorCode: SQLITE_IOERR_SHMSIZE };

    [LibraryImport("libc", EntryPoint = "link", StringMarshalling = StringMarshalling.Utf8, SetLastError = true)]
    private static partial int Link(string path, string secondPath);

    [LibraryImport("libc", EntryPoint = "open", StringMarshalling = StringMarshalling.Utf8)]
    private static partial int Open(string path, int flags);

    [LibraryImport("libc", EntryPoint = "fsync")]
    private static partial int FSync(int descriptor);

    [LibraryImport("libc", EntryPoint = "close")]
    private static partial int Close(int descriptor);
}
