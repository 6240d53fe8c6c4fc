using System.ComponentModel;
using LlamaVid.Server.Composition;
using LlamaVid.Server.Files;
using LlamaVid.Server.OpenAi;
using LlamaVid.Server.Requests;
using LlamaVid.Server.Security;
using Microsoft.AspNetCore.Http.HttpResults;
using Microsoft.AspNetCore.Mvc;
using Microsoft.OpenApi;

namespace LlamaVid.Server.Features.Files;

/// <summary>/v1/files: upload once, ask many times. Each client sees its own files only.</summary>
internal static class FilesEndpoint
{
    private const int MaxPage = 10_000;

    public static void MapFiles(this IEndpointRouteBuilder routes)
    {
        var files = routes.MapGroup("").RequireRight(Right.Files);
        files.MapPost("/v1/files", async (HttpContext context, FileForm form) =>
                Json(FileObject.Of(await form.ReceiveAsync(context, ClientIdentity.Of(context), context.RequestAborted))))
            .WithName("CreateFile").WithTags("Files").WithSummary("Upload a file")
            .WithDescription("What the file is, is decided by its content. The same bytes take room once. A file that was answered lasts until it expires or is deleted.")
            .Produces<FileObject>().ProducesErrors(400, 413, 415, 500, 507)
            .AddOpenApiOperationTransformer((operation, _, _) => Documentation.Body(operation, ("multipart/form-data", FileFields.FormSchema(), [])));

        files.MapGet("/v1/files", List)
            .WithName("ListFiles").WithTags("Files").WithSummary("Your files").Produces<FileList>().ProducesErrors(400, 500);

        files.MapGet("/v1/files/{id}", (string id, HttpContext context, FileStore store) => Json(FileObject.Of(store.Find(ClientIdentity.Of(context), id))))
            .WithName("RetrieveFile").WithTags("Files").WithSummary("One file").Produces<FileObject>().ProducesErrors(404, 500);

        files.MapDelete("/v1/files/{id}", (string id, HttpContext context, FileStore store) =>
            {
                store.Delete(ClientIdentity.Of(context), id);
                return TypedResults.Json(new FileDeleted(id), OpenAiJson.Wire.FileDeleted);
            })
            .WithName("DeleteFile").WithTags("Files").WithSummary("Delete a file")
            .WithDescription("Nobody finds it any more; a request that is being answered keeps what it reads.")
            .Produces<FileDeleted>().ProducesErrors(404, 500, 507);

        files.MapGet("/v1/files/{id}/content", DownloadAsync)
            .WithName("DownloadFile").WithTags("Files").WithSummary("A file's bytes").WithDescription("Or a part of them (`Range`); 304 when they are not newer than `If-Modified-Since`.")
            .Produces(200, contentType: "application/octet-stream").Produces(206, contentType: "application/octet-stream").Produces(304).ProducesErrors(404, 416, 500);
    }

    private static async Task DownloadAsync(string id, HttpContext context, FileStore store)
    {
        var held = store.Hold(ClientIdentity.Of(context), id);
        context.Response.RegisterForDispose(held);
        await TypedResults.Stream(held.Bytes, held.File.Content.MediaType, held.File.Name, held.File.CreatedAt, enableRangeProcessing: true).ExecuteAsync(context);
        if (context.Response.StatusCode == StatusCodes.Status416RangeNotSatisfiable)
            (context.Response.ContentType, context.Response.ContentLength) = (null, null);       // of no bytes; what was wrong is told in their place
    }

    private static JsonHttpResult<FileList> List(
        HttpContext context, FileStore store,
        [Description("Files on one page, 1 to 10000.")] string? limit = null,
        [Description("The `last_id` of the page before.")] string? after = null,
        [Description("desc, the newest first, or asc.")] string? order = null,
        [Description("Only files for this: vision, user_data, batch or batch_output.")] string? purpose = null)
    {
        Query.Allow(context, "limit", "after", "order", "purpose");
        var count = Query.Integer("limit", limit, 1, MaxPage, MaxPage);
        var newestFirst = Query.Choice("order", order, Orders, true);
        var files = store.Page(ClientIdentity.Of(context), string.IsNullOrEmpty(purpose) ? null : Query.Choice("purpose", purpose, FilePurposes.All, default), Query.After(after, "file-"), newestFirst, count + 1);
        var page = files.Take(count).Select(FileObject.Of).ToArray();
        return TypedResults.Json(new FileList(page, page.FirstOrDefault()?.Id, page.LastOrDefault()?.Id, files.Count > count), OpenAiJson.Wire.FileList);
    }

    private static readonly Dictionary<string, bool> Orders = new() { ["desc"] = true, ["asc"] = false };

    private static JsonHttpResult<FileObject> Json(FileObject file) => TypedResults.Json(file, OpenAiJson.Wire.FileObject);
}
