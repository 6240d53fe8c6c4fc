using System.Security.Cryptography;
using System.Text;
using LlamaVid.Server.Requests;

namespace LlamaVid.Server.Jobs;

/// <summary>Where a job's end is to be told, and how a message is signed there: as Standard Webhooks have it.</summary>
/// <param name="Secret">Base64, perhaps after <c>whsec_</c>; null: not signed.</param>
internal sealed record Webhook(Uri Url, string? Secret)
{
    private const string Prefix = "whsec_";
    private const int LeastBytes = 24, MostBytes = 64;

    public static FieldTable<ChatDraft> Fields => new(
        new Field<ChatDraft>("url", "An address that a POST goes to when the job has ended. The rules of Media:* for addresses hold for it.",
            () => new() { Type = Microsoft.OpenApi.JsonSchemaType.String },
            (draft, value) => draft.Webhook = new(Address(value), draft.Webhook?.Secret), Required: true),
        new Field<ChatDraft>("secret", "24 to 64 bytes in base64, perhaps after `whsec_`. The message is signed with it as Standard Webhooks say.",
            () => new() { Type = Microsoft.OpenApi.JsonSchemaType.String },
            (draft, value) => draft.Webhook = new(draft.Webhook?.Url ?? Nowhere, Checked(value))));

    private static readonly Uri Nowhere = new("about:blank");              // until the url has been read

    /// <summary>The header's value for one message.</summary>
    public static string Sign(string secret, string id, long timestamp, string body) =>
        $"v1,{Convert.ToBase64String(HMACSHA256.HashData(Key(secret), Encoding.UTF8.GetBytes($"{id}.{timestamp}.{body}")))}";

    private static Uri Address(JsonCursor value) =>
        Uri.TryCreate(value.Text(), UriKind.Absolute, out var url) && (url.Scheme == Uri.UriSchemeHttps || url.Scheme == Uri.UriSchemeHttp) && url.OriginalString.Length <= 2000
            ? url
            : throw value.Wrong("must be an http(s) address of at most 2000 characters");

    private static string Checked(JsonCursor value)
    {
        var secret = value.Text();
        try
        {
            if (Key(secret).Length is >= LeastBytes and <= MostBytes) return secret;
        }
        catch (FormatException)
        {
            // Said below, as any other secret that is none.
        }
        throw value.Wrong($"must be {LeastBytes} to {MostBytes} bytes in base64, perhaps after {Prefix}", shown: false);
    }

    private static byte[] Key(string secret) => Convert.FromBase64String(secret.StartsWith(Prefix, StringComparison.Ordinal) ? secret[Prefix.Length..] : secret);
}

/// <summary>A message that is still to be told.</summary>
internal sealed record DueWebhook(JobEntry Job, Uri Url, string? Secret, int Tries);
