using System.Text;
using System.Text.Json;
using System.Text.Json.Nodes;
using LlamaVid.Engine;
using LlamaVid.Media;
using LlamaVid.Server.Requests;
using Microsoft.AspNetCore.Http.Features;
using Microsoft.AspNetCore.WebUtilities;
using Microsoft.Extensions.Options;
using Microsoft.Net.Http.Headers;

namespace LlamaVid.Server.Features.Ask;

/// <summary>Reads a multipart form: the file goes straight to disk, the other fields become the JSON request of the same names.</summary>
internal sealed class AskForm(IOptions<MediaOptions> media, IOptions<ServerOptions> server)
{
    private const int MaxFields = 100;
    private const long Envelope = 1024 * 1024;            // boundaries, headers and short fields around a file

    public static bool Reads(HttpRequest request) =>
        MediaTypeHeaderValue.TryParse(request.ContentType, out var type) && type.MediaType.Equals("multipart/form-data", StringComparison.OrdinalIgnoreCase);

    /// <returns>The uploaded file, to be disposed when the answer is written.</returns>
    public async Task<Workspace?> ReadAsync(HttpContext context, ChatDraft draft, CancellationToken cancellationToken)
    {
        if (context.Features.Get<IHttpMaxRequestBodySizeFeature>() is { IsReadOnly: false } size)
            size.MaxRequestBodySize = Math.Max(media.Value.MaxBytes, server.Value.MaxRequestBytes) + Envelope;

        Workspace? file = null;
        try
        {
            var fields = new JsonObject();
            var reader = new MultipartReader(BoundaryOf(context.Request), context.Request.Body);
            while (await NextAsync(reader, cancellationToken) is { } section)
            {
                if (!ContentDispositionHeaderValue.TryParse(section.ContentDisposition, out var disposition)
                    || HeaderUtilities.RemoveQuotes(disposition.Name).Value is not { Length: > 0 } name)
                    throw Malformed("A part has no name.");
                if (disposition.FileName.HasValue || disposition.FileNameStar.HasValue)
                    file = await ReceiveAsync(name, section, file, draft, cancellationToken);
                else if (fields.ContainsKey(name) || fields.Count >= MaxFields)
                    throw Bad(name, $"is sent twice, or the form has more than {MaxFields} fields.");
                else
                    fields[name] = AskFields.FromText(name, await TextAsync(section.Body, name, cancellationToken));
            }
            RequestReader.Read(JsonSerializer.SerializeToUtf8Bytes(fields), AskFields.Json, draft);
            return file;
        }
        catch
        {
            file?.Dispose();
            throw;
        }
    }

    private async Task<Workspace> ReceiveAsync(
        string name, MultipartSection section, Workspace? before, ChatDraft draft, CancellationToken cancellationToken)
    {
        if (name is not ("video" or "image"))
            throw Bad(name, "is not a field that takes a file; those are video and image.", InvalidRequestException.Unknown);
        if (before is not null)
            throw Bad(name, "is a second file. Send one; several go to /v1/chat/completions.");
        var file = await UploadedFile.ReceiveAsync((buffer, token) => ReadPartAsync(section.Body, buffer, token), media.Value, cancellationToken);
        draft.Upload = new(name, file.MediaPath);
        draft.QuestionPart.Media = new(new MediaSource.LocalFile(file.MediaPath), name == "video" ? MediaKind.Video : MediaKind.Image, name);
        return file;
    }

    private async Task<string> TextAsync(Stream body, string name, CancellationToken cancellationToken)
    {
        var limit = server.Value.MaxRequestBytes;
        using var bytes = new MemoryStream();
        var buffer = new byte[16 * 1024];
        for (int read; (read = await ReadPartAsync(body, buffer, cancellationToken)) > 0;)
        {
            if (bytes.Length + read > limit)
                throw new BadHttpRequestException("Request body too large.", StatusCodes.Status413PayloadTooLarge);
            bytes.Write(buffer, 0, read);
        }
        try
        {
            return new UTF8Encoding(false, throwOnInvalidBytes: true).GetString(bytes.GetBuffer(), 0, (int)bytes.Length);
        }
        catch (DecoderFallbackException)
        {
            throw Bad(name, "is not valid UTF-8 text. Send files with a file name.");
        }
    }

    private static Task<MultipartSection?> NextAsync(MultipartReader reader, CancellationToken cancellationToken) =>
        OrMalformed(() => reader.ReadNextSectionAsync(cancellationToken));

    private static Task<int> ReadPartAsync(Stream body, byte[] buffer, CancellationToken cancellationToken) =>
        OrMalformed(() => body.ReadAsync(buffer, cancellationToken).AsTask());

    private static async Task<T> OrMalformed<T>(Func<Task<T>> read)
    {
        try
        {
            return await read();
        }
        catch (Exception fault) when (fault is InvalidDataException or IOException and not BadHttpRequestException)
        {
            throw Malformed("The form is cut off or is not well formed.");
        }
    }

    private static string BoundaryOf(HttpRequest request)
    {
        var boundary = HeaderUtilities.RemoveQuotes(MediaTypeHeaderValue.Parse(request.ContentType).Boundary).Value;
        return boundary is { Length: > 0 and <= 200 } ? boundary : throw Malformed("The content type names no boundary of 1 to 200 characters.");
    }

    private static InvalidRequestException Malformed(string why) => new(null, why, "malformed_form");

    private static InvalidRequestException Bad(string name, string claim, string code = InvalidRequestException.InvalidValue) =>
        new(InvalidRequestException.Shortened(name), $"'{InvalidRequestException.Shortened(name)}' {claim}", code);
}
