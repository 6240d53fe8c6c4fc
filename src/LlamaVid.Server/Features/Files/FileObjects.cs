using System.ComponentModel;
using System.Text.Json.Serialization;
using LlamaVid.Server.Files;

namespace LlamaVid.Server.Features.Files;

/// <summary>A file in OpenAI's shape.</summary>
internal sealed record FileObject(
    [property: Description("Names the file in requests: `file_id`.")] string Id,
    long Bytes,
    [property: Description("Unix time in seconds.")] long CreatedAt,
    [property: Description("Unix time in seconds from which the file is gone; null when it is kept until it is deleted."), JsonIgnore(Condition = JsonIgnoreCondition.Never)]
    long? ExpiresAt,
    [property: Description("The name it was uploaded with.")] string Filename,
    [property: Description("vision, user_data, batch or batch_output.")] string Purpose)
{
    public string Object { get; } = "file";
    [Description("Always processed: a file can be used once it has been answered.")]
    public string Status { get; } = "processed";

    public static FileObject Of(ClientFile file) => new(
        file.Id, file.Bytes, file.CreatedAt.ToUnixTimeSeconds(), file.ExpiresAt?.ToUnixTimeSeconds(), file.Name, file.Purpose.Wire());
}

internal sealed record FileList(
    IReadOnlyList<FileObject> Data,
    [property: JsonIgnore(Condition = JsonIgnoreCondition.Never)] string? FirstId,
    [property: Description("Give it as `after` to see the next page."), JsonIgnore(Condition = JsonIgnoreCondition.Never)] string? LastId,
    [property: Description("There is a next page.")] bool HasMore)
{
    public string Object { get; } = "list";
}

internal sealed record FileDeleted(string Id)
{
    public string Object { get; } = "file";
    public bool Deleted { get; } = true;
}
