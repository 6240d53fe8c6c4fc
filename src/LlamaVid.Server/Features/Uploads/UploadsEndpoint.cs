using LlamaVid.Server.Composition;
using LlamaVid.Server.Errors;
using LlamaVid.Server.Features.Files;
using LlamaVid.Server.Files;
using LlamaVid.Server.OpenAi;
using LlamaVid.Server.Requests;
using LlamaVid.Server.Security;
using Microsoft.AspNetCore.Http.HttpResults;

namespace LlamaVid.Server.Features.Uploads;

/// <summary>/v1/uploads: a large file in parts. A part that was answered is there after a broken connection and after a restart; the others are sent again.</summary>
internal static class UploadsEndpoint
{
    public static void MapUploads(this IEndpointRouteBuilder app)
    {
        var routes = app.MapGroup("/v1/uploads").WithTags("Files").RequireRight(Right.Files);
        routes.MapPost("", CreateAsync)
            .WithName("CreateUpload").WithSummary("Announce a large file that will arrive in parts")
            .Produces<UploadObject>().ProducesErrors(400, 413, 415, 500, 507)
            .AddOpenApiOperationTransformer((operation, _, _) => Documentation.Body(operation, ("application/json", UploadFields.Create.Schema(), UploadFields.Examples)));

        routes.MapGet("/{id}", (string id, HttpContext context, UploadStore uploads, FileStore files) =>
            {
                var upload = uploads.Find(ClientIdentity.Of(context), id);
                return Json(Described(upload, files) with { Parts = upload.Status == UploadStatus.Pending ? [.. uploads.Parts(upload).Select(UploadPartObject.Of)] : null });
            })
            .WithName("RetrieveUpload").WithSummary("How far an upload is").Produces<UploadObject>().ProducesErrors(404, 500);

        routes.MapPost("/{id}/parts", AddPartAsync)
            .WithName("AddUploadPart").WithSummary("Send one part")
            .WithDescription("Parts may arrive in any order and at the same time. One that was answered lasts; one that was not leaves nothing and can be sent again.")
            .Produces<UploadPartObject>().ProducesErrors(400, 404, 413, 415, 500, 507)
            .AddOpenApiOperationTransformer((operation, _, _) => Documentation.Body(operation, ("multipart/form-data", UploadFields.PartForm(), [])));

        routes.MapPost("/{id}/complete", CompleteAsync)
            .WithName("CompleteUpload").WithSummary("Make one file of the parts")
            .WithDescription("An upload that is complete already is answered again as it is.")
            .Produces<UploadObject>().ProducesErrors(400, 404, 413, 415, 500, 507)
            .AddOpenApiOperationTransformer((operation, _, _) => Documentation.Body(operation, ("application/json", UploadFields.Complete.Schema(), [])));

        routes.MapPost("/{id}/cancel", (string id, HttpContext context, UploadStore uploads) => Json(UploadObject.Of(uploads.Cancel(ClientIdentity.Of(context), id))))
            .WithName("CancelUpload").WithSummary("Give an upload up").Produces<UploadObject>().ProducesErrors(400, 404, 500, 507);
    }

    private static async Task<JsonHttpResult<UploadObject>> CreateAsync(HttpContext context, UploadStore uploads)
    {
        var draft = new UploadDraft();
        OpenAiExceptionHandler.SetMediaPath(context, "bytes");
        await RequestReader.ReadFieldsAsync(context.Request, UploadFields.Create, draft, context.RequestAborted);
        return Json(UploadObject.Of(uploads.Create(ClientIdentity.Of(context), draft.Name, draft.File.Purpose, draft.Bytes, draft.File.KeepFor)));
    }

    private static async Task<JsonHttpResult<UploadPartObject>> AddPartAsync(string id, HttpContext context, UploadStore uploads, FileStore files, MultipartForm form)
    {
        var (owner, cancellationToken) = (ClientIdentity.Of(context), context.RequestAborted);
        uploads.Find(owner, id);                          // an unknown upload takes no bytes
        using var incoming = files.Begin();
        var received = await FileForm.ReceiveAsync(form, context, "data", incoming, (name, _) => throw InvalidRequestException.UnknownField(name), UploadStore.MaxPartBytes, cancellationToken);
        if (received.FileName is null)
            throw FieldTable<UploadDraft>.Missing("", "data");
        return TypedResults.Json(UploadPartObject.Of(uploads.Keep(incoming, owner, id)), OpenAiJson.Wire.UploadPartObject);
    }

    private static async Task<JsonHttpResult<UploadObject>> CompleteAsync(string id, HttpContext context, UploadStore uploads, FileStore files)
    {
        var (owner, draft) = (ClientIdentity.Of(context), new UploadDraft());
        OpenAiExceptionHandler.SetMediaPath(context, "part_ids");
        uploads.Find(owner, id);
        await RequestReader.ReadFieldsAsync(context.Request, UploadFields.Complete, draft, context.RequestAborted);
        return Json(Described(await uploads.CompleteAsync(owner, id, draft.PartIds, draft.Md5, context.RequestAborted), files));
    }

    private static UploadObject Described(Upload upload, FileStore files) =>
        UploadObject.Of(upload) with { File = upload.FileId is { } id && files.TryFind(upload.Owner, id) is { } file ? FileObject.Of(file) : null };

    private static JsonHttpResult<UploadObject> Json(UploadObject upload) => TypedResults.Json(upload, OpenAiJson.Wire.UploadObject);
}
