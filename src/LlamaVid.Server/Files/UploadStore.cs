using System.Security.Cryptography;
using LlamaVid.Media;

namespace LlamaVid.Server.Files;

/// <summary>Files that arrive in parts, in any order and over any number of connections, and become one file when they are complete. Knows no HTTP.</summary>
/// <remarks>A part is acknowledged when its row is committed, as a file is. Completing is one transaction: the file is there and the parts are gone, or neither.</remarks>
internal sealed class UploadStore
{
    /// <summary>Bytes of one part, and parts of one upload.</summary>
    public const long MaxPartBytes = 64 << 20;
    public const int MaxParts = 10_000;

    private readonly FileStore _files;
    private readonly FilesOptions _options;
    private readonly long _maxBytes;
    private readonly TimeProvider _time;
    private readonly UploadTable _table;
    private readonly string _parts;

    /// <exception cref="FileStoreUnusableException">the folder cannot be written</exception>
    public UploadStore(FileStore files, FilesOptions options, MediaOptions media, TimeProvider time)
    {
        (_files, _options, _maxBytes, _time, _table) = (files, options, media.MaxBytes, time, new(files.Database));
        _parts = files.PartsFolder;
        foreach (var path in Directory.EnumerateFiles(_parts))
            _files.Database.Transact(() => !_table.HasPart(Path.GetFileName(path)) && FileStore.DeleteUnlessHeld(path));
        RemoveExpired();
    }

    /// <exception cref="PayloadTooLargeException">more bytes than one file may have</exception>
    /// <exception cref="FileQuotaExceededException">too many uploads that are not complete</exception>
    public Upload Create(string owner, string name, FilePurpose purpose, long bytes, TimeSpan? keepFor)
    {
        if (bytes > _maxBytes) throw new PayloadTooLargeException(bytes, _maxBytes);
        var now = _time.GetUtcNow();
        return _files.Database.Transact(() =>
        {
            if (_table.Pending(owner, now) >= _options.MaxPendingUploads) throw FileQuotaExceededException.OfUploads(_options.MaxPendingUploads);
            var upload = new Upload(
                $"upload_{Guid.CreateVersion7(now):N}", owner, name, purpose, bytes, keepFor, UploadStatus.Pending, FileId: null, now, now + _options.KeepUploadsFor);
            _table.Insert(upload);
            return upload;
        });
    }

    /// <exception cref="UploadNotFoundException">this client has no such upload</exception>
    public Upload Find(string owner, string id) => _table.Find(owner, id, _time.GetUtcNow()) ?? throw new UploadNotFoundException(id);

    /// <summary>What has arrived, in the order of arrival.</summary>
    public List<UploadPart> Parts(Upload upload) => _table.Parts(upload.Id);

    /// <summary>Keeps a part. When this returns, it lasts.</summary>
    /// <exception cref="UploadStateException">the upload has ended, or has as many parts as one may have</exception>
    public UploadPart Keep(IncomingFile incoming, string owner, string id)
    {
        if (incoming.Bytes == 0) throw new FileContentException("'data' is empty.");
        incoming.Finish();
        var now = _time.GetUtcNow();
        var part = new UploadPart($"part_{Guid.CreateVersion7(now):N}", id, incoming.Bytes, now);
        try
        {
            return _files.Database.Transact(() =>
            {
                RequirePending(Find(owner, id));
                if (_table.Parts(id).Count >= MaxParts) throw new UploadStateException($"The upload has {MaxParts} parts, the most that one may have. Send larger parts.");
                FileStore.Place(incoming, PathOf(part.Id));
                _table.Insert(part);
                return part;
            });
        }
        catch
        {
            DeleteBytes([part]);
            throw;
        }
    }

    /// <summary>Makes one file of the parts, in the order given. An upload that is complete already is answered as it is, so that a client may ask again.</summary>
    /// <param name="md5">What the file's MD5 must be, in hexadecimal; null for not looked at.</param>
    /// <exception cref="UploadStateException">the upload was cancelled, or the parts are not what was announced</exception>
    public async Task<Upload> CompleteAsync(string owner, string id, IReadOnlyList<string> partIds, string? md5, CancellationToken cancellationToken)
    {
        var upload = Find(owner, id);
        if (upload.Status == UploadStatus.Completed) return upload;
        RequirePending(upload);
        var parts = Ordered(upload, partIds);

        using var incoming = _files.Begin();
        using var sum = IncrementalHash.CreateHash(HashAlgorithmName.MD5);
        var buffer = new byte[128 * 1024];
        foreach (var part in parts)
        {
            await using var bytes = Open(part, id);
            for (int read; (read = await bytes.ReadAsync(buffer, cancellationToken)) > 0;)
            {
                if (md5 is not null) sum.AppendData(buffer, 0, read);
                await incoming.WriteAsync(buffer.AsMemory(0, read), cancellationToken);
            }
        }
        if (md5 is not null && Convert.ToHexStringLower(sum.GetHashAndReset()) is var found && !found.Equals(md5, StringComparison.OrdinalIgnoreCase))
            throw new UploadStateException($"The MD5 of the parts is {found}, and the request says something else. Send the parts that arrived damaged again.", "md5");

        List<UploadPart> all = [];                         // those too that were sent twice
        _files.Keep(incoming, owner, upload.Name, upload.Purpose, upload.KeepFor, together: file =>
        {
            RequirePending(Find(owner, id));
            all = _table.Parts(id);
            _table.DeleteParts(id);
            _table.End(id, UploadStatus.Completed, file.Id);
        });
        DeleteBytes(all);
        return Find(owner, id);
    }

    /// <exception cref="UploadStateException">the upload is complete</exception>
    public Upload Cancel(string owner, string id)
    {
        var parts = _files.Database.GiveBack(() =>
        {
            var upload = Find(owner, id);
            if (upload.Status != UploadStatus.Cancelled) RequirePending(upload);
            var parts = _table.Parts(id);
            _table.DeleteParts(id);
            _table.End(id, UploadStatus.Cancelled, file: null);
            return parts;
        });
        DeleteBytes(parts);
        return Find(owner, id);
    }

    public void RemoveExpired()
    {
        foreach (var upload in _table.Expired(_time.GetUtcNow()))
            DeleteBytes(_files.Database.GiveBack(() =>
            {
                var parts = _table.Parts(upload.Id);
                _table.DeleteParts(upload.Id);
                _table.Delete(upload.Id);
                return parts;
            }));
    }

    private List<UploadPart> Ordered(Upload upload, IReadOnlyList<string> ids)
    {
        var parts = _table.Parts(upload.Id).ToDictionary(part => part.Id);
        if (ids.Distinct().Count() != ids.Count) throw new UploadStateException("'part_ids' names a part twice.", "part_ids");
        var ordered = ids.Select(id => parts.GetValueOrDefault(id) ?? throw new UploadStateException(
            $"'part_ids' names '{Requests.InvalidRequestException.Shortened(id)}', which is no part of this upload. GET /v1/uploads/{{id}} lists those that are.", "part_ids")).ToList();
        var bytes = ordered.Sum(part => part.Bytes);
        return bytes == upload.Bytes ? ordered : throw new UploadStateException(
            $"The parts hold {bytes} bytes and the upload was announced with {upload.Bytes}. GET /v1/uploads/{{id}} lists the parts that have arrived; send those that are missing.", "part_ids");
    }

    private FileStream Open(UploadPart part, string upload)
    {
        try
        {
            return new(PathOf(part.Id), FileMode.Open, FileAccess.Read, FileShare.Read | FileShare.Delete, 1, FileOptions.Asynchronous | FileOptions.SequentialScan);
        }
        catch (FileNotFoundException)                     // completed or cancelled meanwhile
        {
            throw new UploadStateException($"The upload '{upload}' has ended meanwhile.");
        }
    }

    private static void RequirePending(Upload upload)
    {
        if (upload.Status != UploadStatus.Pending)
            throw new UploadStateException($"The upload '{upload.Id}' is {upload.Status.ToString().ToLowerInvariant()} and takes nothing more. Create another with POST /v1/uploads.");
    }

    private void DeleteBytes(IEnumerable<UploadPart> parts)
    {
        foreach (var part in parts) File.Delete(PathOf(part.Id));
    }

    private string PathOf(string part) => Path.Combine(_parts, part);
}
