using System.Collections.Concurrent;
using Microsoft.Extensions.Logging;

namespace LlamaVid.Engine;

/// <summary>Features of videos on disk, so that a known video is known after a restart too. A folder of checksummed safetensors files under a quota.</summary>
/// <remarks>Nothing here fails a request: a full disk costs the copy, not the answer. Files appear whole or not at all. Several processes may share a folder.</remarks>
internal sealed partial class FeatureStore : IAsyncDisposable
{
    private const string Extension = ".safetensors", Unfinished = ".tmp";
    private static readonly TimeSpan Abandoned = TimeSpan.FromHours(6);

    private readonly string _folder;
    private readonly long _quota;
    private readonly TimeProvider _time;
    private readonly ILogger _log;
    private readonly ConcurrentDictionary<FeatureWriter, bool> _writers = [];

    /// <exception cref="FeatureStoreUnusableException">the folder cannot be made or written</exception>
    public FeatureStore(string folder, long quota, TimeProvider time, ILogger log)
    {
        (_folder, _quota, _time, _log) = (folder, quota, time, log);
        try
        {
            Directory.CreateDirectory(folder);
            File.Create(Path.Combine(folder, $"{Guid.NewGuid():N}{Unfinished}"), 1, FileOptions.DeleteOnClose).Dispose();
            foreach (var left in new DirectoryInfo(folder).EnumerateFiles($"*{Unfinished}").Where(file => _time.GetUtcNow() - file.LastWriteTimeUtc > Abandoned))
                left.Delete();
        }
        catch (Exception fault) when (IsOfTheDisk(fault))
        {
            throw new FeatureStoreUnusableException(folder, fault);
        }
    }

    /// <summary>The stored features of a video, or null. A file that is not what it claims to be is deleted.</summary>
    public StoredFile? TryOpen(FeatureKey key, LlamaVidModel model)
    {
        try
        {
            if (!File.Exists(PathOf(key))) return null;
            File.SetLastWriteTimeUtc(PathOf(key), _time.GetUtcNow().UtcDateTime);         // used now
            return StoredFile.Open(PathOf(key), model);
        }
        catch (Exception fault) when (IsOfTheDisk(fault) || fault is InvalidDataException)
        {
            Delete(key, fault);
            return null;
        }
    }

    /// <summary>Begins to store features; null when the disk does not take them.</summary>
    public FeatureWriter? Begin(FeatureKey key, long expectedFrames)
    {
        var path = Path.Combine(_folder, $"{key.Hash}.{Guid.NewGuid():N}{Unfinished}");
        try
        {
            var writer = new FeatureWriter(path, expectedFrames, finished: () =>
            {
                File.Move(path, PathOf(key), overwrite: true);
                Prune();
            }, failed: fault => WriteFailed(_log, fault.Message));
            _writers[writer] = true;
            writer.Written.ContinueWith(_ => _writers.TryRemove(writer, out var _), TaskScheduler.Default);
            return writer;
        }
        catch (Exception fault) when (IsOfTheDisk(fault))
        {
            WriteFailed(_log, fault.Message);
            return null;
        }
    }

    public void Delete(FeatureKey key, Exception why)
    {
        FileUnusable(_log, $"{key.Hash}{Extension}", why.Message);
        try
        {
            File.Delete(PathOf(key));
        }
        catch (Exception fault) when (IsOfTheDisk(fault))
        {
            WriteFailed(_log, fault.Message);
        }
    }

    /// <summary>Lets what is being written come to its end.</summary>
    public async ValueTask DisposeAsync() => await Task.WhenAll(_writers.Keys.Select(writer => writer.Written));

    internal static bool IsOfTheDisk(Exception fault) => fault is IOException or UnauthorizedAccessException;

    private void Prune()
    {
        var files = new DirectoryInfo(_folder).GetFiles($"*{Extension}").OrderBy(file => file.LastWriteTimeUtc).ToList();
        var total = files.Sum(file => file.Length);
        foreach (var oldest in files)
        {
            if (total <= _quota) return;
            total -= oldest.Length;
            oldest.Delete();
        }
    }

    private string PathOf(FeatureKey key) => Path.Combine(_folder, key.Hash + Extension);

    [LoggerMessage(2010, LogLevel.Warning, "Stored features {File} cannot be used and are deleted: {Why}")]
    private static partial void FileUnusable(ILogger log, string file, string why);

    [LoggerMessage(2011, LogLevel.Warning, "Features of a video could not be stored: {Why}")]
    private static partial void WriteFailed(ILogger log, string why);
}
