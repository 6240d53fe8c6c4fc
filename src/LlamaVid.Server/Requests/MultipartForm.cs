using System.Text;
using System.Text.Json.Nodes;
using LlamaVid.Media;
using Microsoft.AspNetCore.Http.Features;
using Microsoft.AspNetCore.WebUtilities;
using Microsoft.Extensions.Options;
using Microsoft.Net.Http.Headers;

namespace LlamaVid.Server.Requests;

/// <summary>Reads a multipart form part by part as it arrives: texts become a JSON object, files are handed on as they come. Knows no field names.</summary>
internal sealed class MultipartForm(IOptions<MediaOptions> media, IOptions<ServerOptions> server)
{
    private const long Envelope = 1024 * 1024;            // boundaries, headers and short fields around a file

    public static bool IsSent(HttpRequest request) =>
        MediaTypeHeaderValue.TryParse(request.ContentType, out var type) && type.MediaType.Equals("multipart/form-data", StringComparison.OrdinalIgnoreCase);

    /// <param name="field">The value of a named text, null to leave it out; refuses names that it does not know, so there are no more texts than names.</param>
    /// <param name="file">Reads a file to its end.</param>
    public async Task<JsonObject> ReadAsync(
        HttpContext context, Func<string, string, JsonNode?> field, Func<ArrivingFile, Task> file, CancellationToken cancellationToken)
    {
        if (context.Features.Get<IHttpMaxRequestBodySizeFeature>() is { IsReadOnly: false } size)
            size.MaxRequestBodySize = Math.Max(media.Value.MaxBytes, server.Value.MaxRequestBytes) + Envelope;

        var (fields, texts) = (new JsonObject(), new Texts(context, server.Value.MaxRequestBytes));
        var reader = new MultipartReader(BoundaryOf(context.Request), context.Request.Body);
        while (await OrMalformed(() => reader.ReadNextSectionAsync(cancellationToken)) is { } section)
        {
            if (!ContentDispositionHeaderValue.TryParse(section.ContentDisposition, out var disposition)
                || HeaderUtilities.RemoveQuotes(disposition.Name).Value is not { Length: > 0 } name)
                throw Malformed("A part has no name.");
            if (disposition.FileNameStar.HasValue || disposition.FileName.HasValue)
                await file(new(name, (disposition.FileNameStar.Value ?? HeaderUtilities.RemoveQuotes(disposition.FileName).Value)!, section.Body));
            else if (fields.ContainsKey(name))
                throw Bad(name, "is sent twice. Send it once.");
            else
                fields[name] = field(name, await TextAsync(section.Body, name, texts, cancellationToken));
        }
        return fields;
    }

    public static InvalidRequestException Bad(string name, string claim, string code = InvalidRequestException.InvalidValue) =>
        new(InvalidRequestException.Shortened(name), $"'{InvalidRequestException.Shortened(name)}' {claim}", code);

    private static async Task<string> TextAsync(Stream body, string name, Texts texts, CancellationToken cancellationToken)
    {
        using var bytes = new MemoryStream();
        var buffer = new byte[16 * 1024];
        for (int read; (read = await OrMalformed(() => body.ReadAsync(buffer, cancellationToken).AsTask())) > 0;)
        {
            texts.Add(read);
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

    internal static async Task<T> OrMalformed<T>(Func<Task<T>> read)
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

    /// <summary>All texts of a form together, which are held in memory.</summary>
    private sealed class Texts(HttpContext context, long limit)
    {
        private readonly BodyBudget.Share _share = context.RequestServices.GetRequiredService<BodyBudget>().Open(context);
        private long _bytes;

        public void Add(int bytes)
        {
            if ((_bytes += bytes) > limit)
                throw new BadHttpRequestException("Request body too large.", StatusCodes.Status413PayloadTooLarge);
            _share.GrowTo(_bytes);
        }
    }

    private static InvalidRequestException Malformed(string why) => new(null, why, "malformed_form");
}

/// <summary>A file of a form, while it arrives.</summary>
/// <param name="FileName">The client's own name for it: shown, never used as a path.</param>
internal sealed record ArrivingFile(string Name, string FileName, Stream Body)
{
    public Task<int> ReadAsync(byte[] buffer, CancellationToken cancellationToken) =>
        MultipartForm.OrMalformed(() => Body.ReadAsync(buffer, cancellationToken).AsTask());
}
