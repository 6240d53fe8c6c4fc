using LlamaVid.Engine;
using LlamaVid.Media;
using LlamaVid.Server.Files;
using LlamaVid.Server.Security;

namespace LlamaVid.Server.Requests;

/// <summary>The uploaded files that one request names: held, so that none vanishes under it, until the request has been answered.</summary>
internal sealed class RequestFiles(FileStore? store, string owner) : IDisposable
{
    /// <summary>For requests that come from where there are no uploaded files.</summary>
    public static readonly RequestFiles None = new(null, "");

    private readonly List<HeldFile> _held = [];

    /// <exception cref="ClientFileNotFoundException">its client has no such file</exception>
    public MediaDraft Hold(JsonCursor id)
    {
        if (store is null)
            throw InvalidRequestException.NotSupported(id.Path, $"'{id.Path}' names an uploaded file; there are none here.");
        var held = store.Hold(owner, id.Text(), id.Path);
        _held.Add(held);
        return held.File.Content.Kind is { } kind
            ? new(new MediaSource.LocalFile(held.Path, held.File.Hash), kind, id.Path)
            : throw id.Wrong("is neither a video nor a picture");
    }

    public void Dispose() => _held.ForEach(held => held.Dispose());
}

internal static class FileStoreOfRequests
{
    /// <summary>The files of whoever sends this request.</summary>
    public static RequestFiles For(this FileStore store, HttpContext context) => new(store, ClientIdentity.Of(context));
}
