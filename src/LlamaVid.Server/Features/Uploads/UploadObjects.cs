using System.ComponentModel;
using LlamaVid.Server.Features.Files;
using LlamaVid.Server.Files;

namespace LlamaVid.Server.Features.Uploads;

/// <summary>An upload in OpenAI's shape.</summary>
internal sealed record UploadObject(
    string Id,
    [property: Description("What was announced.")] long Bytes,
    [property: Description("Unix time in seconds.")] long CreatedAt,
    [property: Description("Unix time in seconds from which the upload is gone. The file that it has become stays.")] long ExpiresAt,
    string Filename, string Purpose,
    [property: Description("pending, completed or cancelled.")] string Status)
{
    public string Object { get; } = "upload";
    [Description("What a completed upload has become, as long as that file is there.")]
    public FileObject? File { get; init; }
    [Description("GET only, while pending: what has arrived, in the order of arrival. What is not here is to be sent again.")]
    public IReadOnlyList<UploadPartObject>? Parts { get; init; }

    public static UploadObject Of(Upload upload) => new(
        upload.Id, upload.Bytes, upload.CreatedAt.ToUnixTimeSeconds(), upload.ExpiresAt.ToUnixTimeSeconds(), upload.Name, upload.Purpose.Wire(),
        upload.Status.ToString().ToLowerInvariant());
}

internal sealed record UploadPartObject(string Id, long CreatedAt, string UploadId, long Bytes)
{
    public string Object { get; } = "upload.part";

    public static UploadPartObject Of(UploadPart part) => new(part.Id, part.CreatedAt.ToUnixTimeSeconds(), part.Upload, part.Bytes);
}
