using System.Text.Json;
using LlamaVid.Engine;
using LlamaVid.Media;
using LlamaVid.Server.Requests;
using Microsoft.Extensions.Options;

namespace LlamaVid.Server.Features.Ask;

/// <summary>Reads a question sent as a form: the file goes straight to disk, the other fields become the JSON request of the same names.</summary>
internal sealed class AskForm(MultipartForm form, IOptions<MediaOptions> media)
{
    /// <returns>The uploaded file, to be disposed when the answer is written.</returns>
    public async Task<Workspace?> ReadAsync(HttpContext context, ChatDraft draft, CancellationToken cancellationToken)
    {
        Workspace? upload = null;
        try
        {
            var fields = await form.ReadAsync(
                context, AskFields.FromText, async file => upload = await ReceiveAsync(file, upload, draft, cancellationToken), cancellationToken);
            RequestReader.Read(JsonSerializer.SerializeToUtf8Bytes(fields), AskFields.Json, draft);
            return upload;
        }
        catch
        {
            upload?.Dispose();
            throw;
        }
    }

    private async Task<Workspace> ReceiveAsync(ArrivingFile file, Workspace? before, ChatDraft draft, CancellationToken cancellationToken)
    {
        if (file.Name is not ("video" or "image"))
            throw MultipartForm.Bad(file.Name, "is not a field that takes a file; those are video and image.", InvalidRequestException.Unknown);
        if (before is not null)
            throw MultipartForm.Bad(file.Name, "is a second file. Send one; several go to /v1/chat/completions.");
        var upload = await UploadedFile.ReceiveAsync(file.ReadAsync, media.Value, cancellationToken);
        draft.Upload = new(file.Name, upload.MediaPath);
        draft.QuestionPart.Media = new(new MediaSource.LocalFile(upload.MediaPath), file.Name == "video" ? MediaKind.Video : MediaKind.Image, file.Name);
        return upload;
    }
}
