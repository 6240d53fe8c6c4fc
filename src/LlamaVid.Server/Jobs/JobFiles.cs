using LlamaVid.Server.Composition;
using LlamaVid.Server.Files;
using Microsoft.Extensions.Options;

namespace LlamaVid.Server.Jobs;

/// <summary>The requests of jobs, each in a folder of its own until the job has ended: what the client sent, and the file that came with it. Knows no contents.</summary>
internal sealed class JobFiles : IDisposable
{
    private const string Request = "request.json", Lock = "lock";

    private readonly string _root;
    private readonly FileStream _held;

    /// <exception cref="StartupException">the folder cannot be used, or another process uses it</exception>
    public JobFiles(IOptions<JobOptions> options)
    {
        var path = Path.GetFullPath(options.Value.Path);
        (Folder, _root) = (path, Path.Combine(path, "requests"));
        try
        {
            CreatePrivate(path);
            CreatePrivate(_root);
            _held = new(Path.Combine(path, Lock), FileMode.OpenOrCreate, FileAccess.ReadWrite, FileShare.None);
        }
        catch (Exception fault) when (fault is IOException or UnauthorizedAccessException)
        {
            throw new StartupException($"Jobs:Path is {path}, which cannot be used: {fault.Message} Choose a folder that is writable and that no other server has.");
        }
    }

    /// <summary>Jobs:Path, which is this process's alone.</summary>
    public string Folder { get; }

    /// <summary>Where the table of jobs is.</summary>
    public string Database => Path.Combine(Folder, "jobs.db");

    /// <summary>Puts the request on disk; when this returns it survives the machine's loss of power.</summary>
    public async Task WriteAsync(string id, JobOrder order, CancellationToken cancellationToken)
    {
        var folder = FolderOf(id);
        CreatePrivate(folder);
        if (order.Upload is { } upload)
        {
            var file = Path.Combine(folder, upload.Field);
            File.Move(upload.Path, file);
            using var handle = File.OpenHandle(file, FileMode.Open, FileAccess.ReadWrite);
            RandomAccess.FlushToDisk(handle);
        }
        await using var request = new FileStream(Path.Combine(folder, Request), FileMode.CreateNew, FileAccess.Write, FileShare.None, 1, FileOptions.Asynchronous);
        await request.WriteAsync(order.Body, cancellationToken);
        request.Flush(flushToDisk: true);
        Disk.SyncFolder(folder);
        Disk.SyncFolder(_root);
    }

    public Task<byte[]> ReadAsync(string id, CancellationToken cancellationToken) => File.ReadAllBytesAsync(Path.Combine(FolderOf(id), Request), cancellationToken);

    /// <summary>The file that came with the request.</summary>
    public JobUpload? UploadOf(string id) =>
        ((string[])["video", "image"]).Select(field => new JobUpload(field, Path.Combine(FolderOf(id), field))).FirstOrDefault(upload => File.Exists(upload.Path));

    public void Delete(string id)
    {
        var folder = FolderOf(id);
        if (Directory.Exists(folder)) Directory.Delete(folder, recursive: true);
    }

    /// <summary>Removes what belongs to none of these jobs: requests that were never acknowledged, and those of jobs that have ended.</summary>
    public void Sweep(IReadOnlySet<string> jobs)
    {
        foreach (var folder in Directory.EnumerateDirectories(_root))
            if (!jobs.Contains(Path.GetFileName(folder)))
                Directory.Delete(folder, recursive: true);
    }

    public void Dispose() => _held.Dispose();

    private string FolderOf(string id) => Path.Combine(_root, id);

    private static void CreatePrivate(string folder)
    {
        if (OperatingSystem.IsWindows()) Directory.CreateDirectory(folder);
        else Directory.CreateDirectory(folder, UnixFileMode.UserRead | UnixFileMode.UserWrite | UnixFileMode.UserExecute);
    }
}
