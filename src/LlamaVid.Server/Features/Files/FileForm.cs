using System.Text.Json;
using LlamaVid.Server.Files;
using LlamaVid.Server.Requests;

namespace LlamaVid.Server.Features.Files;

/// <summary>Receives a file sent as a form: to the disk as it arrives, and kept once everything about it is right.</summary>
internal sealed class FileForm(MultipartForm form, FileStore store)
{
    public async Task<ClientFile> ReceiveAsync(HttpContext context, string owner, CancellationToken cancellationToken)
    {
        if (!MultipartForm.IsSent(context.Request))
            throw new Errors.UnsupportedContentTypeException(context.Request.ContentType, "multipart/form-data");
        using var incoming = store.Begin();
        string? name = null;
        var fields = await form.ReadAsync(context, FileFields.FromText, async file =>
        {
            if (file.Name != "file")
                throw MultipartForm.Bad(file.Name, "is not a field that takes a file; that is file.", InvalidRequestException.Unknown);
            if (name is not null)
                throw MultipartForm.Bad(file.Name, "is a second file. Send one at a time.");
            name = FileFields.ShownName(file.FileName);
            var buffer = new byte[128 * 1024];
            for (int read; (read = await file.ReadAsync(buffer, cancellationToken)) > 0;)
                await incoming.WriteAsync(buffer.AsMemory(0, read), cancellationToken);
        }, cancellationToken);

        var draft = new FileDraft();
        using var document = JsonDocument.Parse(FileFields.Folded(fields).ToJsonString());
        FileFields.Table.Read(new(document.RootElement, ""), draft);
        if (name is null)
            throw FieldTable<FileDraft>.Missing("", "file");
        return store.Keep(incoming, owner, name, draft.Purpose, draft.KeepFor);
    }
}
