using LlamaVid.Engine;
using LlamaVid.Media;
using LlamaVid.Server.Files;
using LlamaVid.Server.Jobs;
using LlamaVid.Server.Security;

namespace LlamaVid.Server.Requests;

/// <summary>The uploaded files that one request names: held, so that none vanishes under it, until the request has been answered.</summary>
/// <param name="named">Files that were kept for the request when it was accepted, whatever has become of them since.</param>
internal sealed class RequestFiles(FileStore? store, string owner, Func<string, NamedFile?>? named = null) : IDisposable
{
    /// <summary>For requests that come from where there are no uploaded files.</summary>
    public static readonly RequestFiles None = new(null, "");

    private readonly List<HeldFile> _held = [];

    public IReadOnlyList<HeldFile> Held => _held;

    /// <exception cref="ClientFileNotFoundException">its client has no such file</exception>
    public MediaDraft Hold(JsonCursor id)
    {
        if (store is null)
            throw InvalidRequestException.NotSupported(id.Path, $"'{id.Path}' names an uploaded file; there are none here.");
        if (named?.Invoke(id.Text()) is { } kept)
            return Media(id, kept.Path, kept.Hash, kept.Content);
        var held = store.Hold(owner, id.Text(), id.Path);
        _held.Add(held);
        return Media(id, held.Path, held.File.Hash, held.File.Content);
    }

    public void Dispose() => _held.ForEach(held => held.Dispose());

    private static MediaDraft Media(JsonCursor id, string path, string hash, FileContent content) => content.Kind is { } kind
        ? new(new MediaSource.LocalFile(path, hash), kind, id.Path)
        : throw id.Wrong("is neither a video nor a picture");
}

internal static class FileStoreOfRequests
{
    /// <summary>The files of whoever sends this request.</summary>
    public static RequestFiles For(this FileStore store, HttpContext context) => new(store, ClientIdentity.Of(context));
}
