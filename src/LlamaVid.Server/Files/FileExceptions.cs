using LlamaVid.Server.Requests;

namespace LlamaVid.Server.Files;

/// <summary>No file of this client has this id: it never had, was deleted, or has expired.</summary>
public sealed class ClientFileNotFoundException(string id, string? param)
    : Exception($"There is no file '{InvalidRequestException.Shortened(id)}'. GET /v1/files lists yours; upload it with POST /v1/files.")
{
    public string? Param { get; } = param;
}

/// <summary>The bytes are not what the file's purpose needs.</summary>
public sealed class FileContentException(string message) : Exception(message);

/// <summary>There is no room for more files.</summary>
public sealed class FileQuotaExceededException : Exception
{
    private FileQuotaExceededException(string message) : base(message) { }

    internal static FileQuotaExceededException OfBytes(long used, long quota) => new(
        $"Files take {used} of {quota} bytes (Files:QuotaMegabytes) and what is left has no room for this one. Delete files that are not needed: DELETE /v1/files/{{id}}.");

    internal static FileQuotaExceededException OfCount(long limit) => new(
        $"There are {limit} files, the most that are kept (Files:MaxFiles). Delete files that are not needed: DELETE /v1/files/{{id}}.");

    internal static FileQuotaExceededException OfUploads(int limit) => new(
        $"{limit} of your uploads are not complete, the most that may be (Files:MaxPendingUploads). Complete them, or cancel them: POST /v1/uploads/{{id}}/cancel.");
}

/// <summary>No upload of this client has this id: it never had, or its time is over.</summary>
public sealed class UploadNotFoundException(string id)
    : Exception($"There is no upload '{InvalidRequestException.Shortened(id)}', or its time is over. Create one with POST /v1/uploads.");

/// <summary>The upload is not in the state that this needs.</summary>
/// <param name="param">The field that says otherwise; null when it is the upload itself.</param>
public sealed class UploadStateException(string message, string? param = null) : Exception(message)
{
    public string? Param { get; } = param;
}

/// <summary>One part of an upload is too large.</summary>
public sealed class UploadPartTooLargeException(long limit) : Exception($"The part has more than {limit} bytes. Send smaller parts.");

/// <summary>Clients' files cannot be kept where they should be. The operator's to mend, never a client's.</summary>
public sealed class FileStoreUnusableException(string folder, Exception cause)
    : Exception($"Files cannot be kept in {folder}: {cause.Message} Make it writable, set Files:Path to a folder that is, or to nothing.", cause)
{
    public string Folder { get; } = folder;
}
