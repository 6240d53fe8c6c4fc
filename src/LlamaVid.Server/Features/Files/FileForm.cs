using System.Text.Json;
using System.Text.Json.Nodes;
using LlamaVid.Server.Errors;
using LlamaVid.Server.Files;
using LlamaVid.Server.Requests;

namespace LlamaVid.Server.Features.Files;

/// <summary>Receives a file sent as a form: to the disk as it arrives, and kept once everything about it is right.</summary>
internal sealed class FileForm(MultipartForm form, FileStore store)
{
    public async Task<ClientFile> ReceiveAsync(HttpContext context, string owner, CancellationToken cancellationToken)
    {
        OpenAiExceptionHandler.SetMediaPath(context, "file");
        using var incoming = store.Begin();
        var (name, fields) = await ReceiveAsync(form, context, "file", incoming, FileFields.FromText, long.MaxValue, cancellationToken);
        var draft = new FileDraft();
        using var document = JsonDocument.Parse(FileFields.Folded(fields).ToJsonString());
        FileFields.Table.Read(new(document.RootElement, ""), draft);
        if (name is null)
            throw FieldTable<FileDraft>.Missing("", "file");
        return store.Keep(incoming, owner, name, draft.Purpose, draft.KeepFor);
    }

    /// <summary>A form with one file, which is written as it arrives.</summary>
    /// <param name="field">The value of a text field.</param>
    /// <param name="maxBytes">Of a part; a whole file has its own limit.</param>
    /// <returns>The name the file was sent with, null when there was none; and the text fields.</returns>
    public static async Task<(string? FileName, JsonObject Fields)> ReceiveAsync(
        MultipartForm form, HttpContext context, string fileField, IncomingFile incoming, Func<string, string, JsonNode?> field, long maxBytes, CancellationToken cancellationToken)
    {
        if (!MultipartForm.IsSent(context.Request))
            throw new UnsupportedContentTypeException(context.Request.ContentType, "multipart/form-data");
        string? name = null;
        var fields = await form.ReadAsync(context, field, async file =>
        {
            if (file.Name != fileField)
                throw MultipartForm.Bad(file.Name, $"is not a field that takes a file; that is {fileField}.", InvalidRequestException.Unknown);
            if (name is not null)
                throw MultipartForm.Bad(file.Name, "is a second file. Send one at a time.");
            name = FileFields.ShownName(file.FileName);
            var buffer = new byte[128 * 1024];
            for (int read; (read = await file.ReadAsync(buffer, cancellationToken)) > 0;)
            {
                if (incoming.Bytes + read > maxBytes)
                    throw new UploadPartTooLargeException(maxBytes);
                await incoming.WriteAsync(buffer.AsMemory(0, read), cancellationToken);
            }
        }, cancellationToken);
        return (name, fields);
    }
}
