using System.Text.Json;
using LlamaVid.Engine;
using LlamaVid.Server.Errors;
using Microsoft.Extensions.Options;

namespace LlamaVid.Server.Requests;

/// <summary>From a JSON body to a request that has been checked. One instance serves all routes.</summary>
/// <param name="engine">whose model bounds texts; null where there is none</param>
internal sealed class RequestReader(IOptions<ServerOptions> server, IOptions<RequestDefaultsOptions> defaults, GenerationEngine? engine = null)
{
    public static FieldTable<ChatDraft> ChatFields { get; } = new(
        [MessageFields.Messages, .. SharedFields.Answer, .. SamplingFields.All, .. FormatFields.All, .. SharedFields.Video, .. SharedFields.Compatibility]);

    private static readonly JsonDocumentOptions Strict = new() { AllowDuplicateProperties = false };

    private const int MaxValues = 1_000_000;               // brackets, names and values of one body: what is read of it takes some dozen bytes for each

    public static ReadOnlySpan<byte> ByteOrderMark => [0xEF, 0xBB, 0xBF];

    private readonly RequestLimits _limits = new(server.Value.MaxMessages, server.Value.MaxMediaItems, server.Value.MaxChoices, server.Value.BestPriority, new(() => engine?.Card));
    private readonly RequestDefaults _defaults = RequestDefaults.From(defaults.Value);

    /// <param name="files">What file ids of the request stand for; left out where there are none.</param>
    public ChatDraft NewDraft(RequestFiles? files = null) => new(_limits, files ?? RequestFiles.None);

    /// <summary>A draft that takes the whole request even if a text of it is too long for the model.</summary>
    /// <param name="files">As for <see cref="NewDraft"/>.</param>
    public ChatDraft NewEstimate(RequestFiles files) => new(_limits with { Text = _limits.Text.ReadingOn() }, files);

    public ChatRequest Finish(ChatDraft draft) => ChatRequest.From(draft, _defaults, RequestIds.NewCompletion());

    /// <summary>Reads the whole body into <paramref name="draft"/>; nothing of the body is held afterwards but what the request needs, unless it goes to the background.</summary>
    public static async Task ReadAsync(HttpRequest request, FieldTable<ChatDraft> fields, ChatDraft draft, CancellationToken cancellationToken)
    {
        if (!request.HasJsonContentType())
            throw new UnsupportedContentTypeException(request.ContentType, "application/json");
        using var body = await ReceiveAsync(request, cancellationToken);
        Read(body.Bytes, fields, draft);
        draft.Body = draft.Body.ToArray();                // what goes to the background outlives what it was read from
    }

    public static void Read(ReadOnlyMemory<byte> body, FieldTable<ChatDraft> fields, ChatDraft draft)
    {
        ReadFields(body, fields, draft);
        if (draft.Background)
            draft.Body = body;
    }

    /// <summary>A body of other fields than those of a chat.</summary>
    public static async Task ReadFieldsAsync<T>(HttpRequest request, FieldTable<T> fields, T target, CancellationToken cancellationToken)
    {
        if (!request.HasJsonContentType())
            throw new UnsupportedContentTypeException(request.ContentType, "application/json");
        using var body = await ReceiveAsync(request, cancellationToken);
        ReadFields(body.Bytes, fields, target);
    }

    private static void ReadFields<T>(ReadOnlyMemory<byte> body, FieldTable<T> fields, T target)
    {
        using var document = Parse(body);
        if (document.RootElement.ValueKind != JsonValueKind.Object)
            throw new InvalidRequestException(null, "The body must be a JSON object.", InvalidRequestException.MalformedJson);
        fields.Read(new(document.RootElement, ""), target);
    }

    public static JsonDocument Parse(ReadOnlyMemory<byte> body)
    {
        try
        {
            var json = body.Span.StartsWith(ByteOrderMark) ? body[ByteOrderMark.Length..] : body;
            RequireFewValues(json.Span);
            return JsonDocument.Parse(json, Strict);
        }
        catch (JsonException fault)
        {
            throw Malformed(fault.Message);
        }
        catch (InvalidOperationException)                 // half a surrogate pair in a field's name
        {
            throw Malformed("a field's name is not valid Unicode text.");
        }
    }

    /// <summary>The whole body; room for it grows as it comes, so that a length which is only claimed takes none.</summary>
    private static async Task<BodyMemory> ReceiveAsync(HttpRequest request, CancellationToken cancellationToken)
    {
        var expected = Math.Min(request.ContentLength ?? Array.MaxLength, Array.MaxLength);
        var share = request.HttpContext.RequestServices.GetRequiredService<BodyBudget>().Open(request.HttpContext);
        var body = new BodyMemory();
        try
        {
            while (body.Length < expected)
            {
                if (body.Free.IsEmpty)
                {
                    var larger = (int)Math.Min(Math.Max(64 * 1024, 4L * body.Length), expected);
                    share.GrowTo(larger);
                    body.GrowTo(larger);
                }
                var read = await request.Body.ReadAsync(body.Free, cancellationToken);
                if (read == 0)
                    break;
                body.Add(read);
            }
            return body;
        }
        catch
        {
            ((IDisposable)body).Dispose();
            throw;
        }
    }

    private static void RequireFewValues(ReadOnlySpan<byte> json)
    {
        if (json.Length < MaxValues) return;               // each takes a byte at least
        var reader = new Utf8JsonReader(json);
        for (var values = 1; reader.Read(); values++)
            if (values > MaxValues)
                throw new InvalidRequestException(null, $"The body holds more than {MaxValues} JSON values. Send fewer messages, or videos instead of frames.", "too_many_values");
    }

    private static InvalidRequestException Malformed(string why) => new(null, $"The body is not valid JSON: {why}", InvalidRequestException.MalformedJson);
}
