using LlamaVid.Server.Features.Files;
using LlamaVid.Server.Files;
using LlamaVid.Server.Requests;
using Microsoft.OpenApi;

namespace LlamaVid.Server.Features.Uploads;

/// <summary>What a client announces, and how it ends what it has announced.</summary>
internal sealed class UploadDraft
{
    public FileDraft File { get; } = new();
    public string Name { get; set; } = "";
    public long Bytes { get; set; }
    public List<string> PartIds { get; } = [];
    public string? Md5 { get; set; }
}

internal static class UploadFields
{
    public static FieldTable<UploadDraft> Create { get; } = new(
    [
        Field.Text<UploadDraft>("filename", "The file's name. Shown, never used as a path.", (draft, name) => draft.Name = FileFields.ShownName(name), required: true),
        Field.Integer<UploadDraft>("bytes", 1, 1L << 40, "How many bytes the whole file has; at most Media:MaxBytes.", (draft, bytes) => draft.Bytes = bytes) with { Required = true },
        Field.Text<UploadDraft>("mime_type", "Accepted for compatibility; what the file is, is decided by its content.", (_, _) => { }),
        .. FileFields.Table.Fields.Select(field => new Field<UploadDraft>(
            field.Name, field.Description, field.Schema, (draft, value) => field.Read(draft.File, value), field.Required)),
    ]);

    public static FieldTable<UploadDraft> Complete { get; } = new(
        new Field<UploadDraft>("part_ids", "The ids of the parts, in the order of the file.",
            () => new() { Type = JsonSchemaType.Array, MinItems = 1, MaxItems = UploadStore.MaxParts, Items = new OpenApiSchema { Type = JsonSchemaType.String } },
            (draft, value) => draft.PartIds.AddRange(value.Items(UploadStore.MaxParts).Select(id => id.Text())), Required: true),
        Field.Text<UploadDraft>("md5", "The MD5 of the whole file in hexadecimal, to be sure that it arrived whole.", (draft, md5) => draft.Md5 = md5));

    public static readonly (string Name, string Json)[] Examples =
    [
        ("A film of 100 MB", """{"filename": "film.mp4", "bytes": 100000000, "mime_type": "video/mp4", "purpose": "vision"}"""),
    ];

    public static OpenApiSchema PartForm() => new()
    {
        Type = JsonSchemaType.Object,
        Properties = new Dictionary<string, IOpenApiSchema>
        {
            ["data"] = new OpenApiSchema { Type = JsonSchemaType.String, Format = "binary", Description = "The bytes, as a file: at most 64 MiB." },
        },
        Required = new HashSet<string> { "data" },
        AdditionalPropertiesAllowed = false,
    };
}
