using LlamaVid.Engine;
using LlamaVid.Media;
using LlamaVid.Server.Files;
using LlamaVid.Server.Jobs;
using LlamaVid.Server.Requests;
using LlamaVid.Server.Security;

namespace LlamaVid.Server.Errors;

/// <summary>Every failure a client can see, in one table. Used by the exception handler and by the stream.</summary>
internal static class ErrorMap
{
    private const string BodyTooLarge = "The body is larger than this route allows (Server:MaxRequestBytes, Media:MaxBytes). Send a smaller one.";

    private const string BodyTooSlow = "The body came more slowly than 240 bytes per second. Send it again over a better connection, large files in parts (POST /v1/uploads).";

    private const string DiskFull = "The server's disk is full, and nothing of this request was kept. Delete files that are not needed (DELETE /v1/files/{id}), or try again when its operator has made room.";

    /// <param name="mediaPath">The path of the request's media, for faults that lie in them.</param>
    public static (int Status, Error Error) Map(Exception exception, string requestId, string? mediaPath = null) => exception switch
    {
        InvalidRequestException e => (400, Invalid(e.Message, e.Code, e.Param)),
        ModelReadsTextOnlyException e => (400, Invalid(e.Message, InvalidRequestException.Unsupported, mediaPath)),
        ContextLengthExceededException e => (400, Invalid(e.Message, "context_length_exceeded", mediaPath ?? "messages")),
        TooManyChoicesException e => (400, Invalid(e.Message, "context_length_exceeded", "n")),
        FormatNotSupportedException e => (400, Invalid($"{e.Path} {e.Message}".Trim(), InvalidRequestException.Unsupported, null)),
        FormatTooComplexException e => (400, Invalid(e.Message, InvalidRequestException.Unsupported, "response_format")),
        SubtitlesNotShownException e => (400, Invalid(e.Message, InvalidRequestException.Unsupported, "prompt_style")),
        SubtitlesUnreadableException e => (400, Invalid(e.Message, InvalidRequestException.InvalidValue, null)),
        UnknownTokenException e => (400, Invalid(e.Message, InvalidRequestException.InvalidValue, e.IsBiased ? "logit_bias" : "stop_token_ids")),
        InvalidDataUriException e => (400, Invalid(e.Message, "invalid_data_uri", mediaPath)),
        InvalidApiKeyException e => (401, Unauthorised(e.Message)),
        TooManyWrongKeysException e => (429, new(e.Message, "rate_limit_error", null, "rate_limit_exceeded")),
        MissingRightException e => (403, Unauthorised(e.Message)),
        ModelNotAllowedException e => (403, Unauthorised(e.Message)),
        ForeignOriginException e => (403, Invalid(e.Message, "origin_not_allowed", null)),
        ForeignHostException e => (403, Invalid(e.Message, "host_not_allowed", null)),
        ModelNotFoundException e => (404, new(e.Message, "not_found_error", "model", "model_not_found")),
        ClientFileNotFoundException e => (404, new(e.Message, "not_found_error", e.Param, "file_not_found")),
        UploadNotFoundException e => (404, new(e.Message, "not_found_error", null, "upload_not_found")),
        UploadStateException e => (400, Invalid(e.Message, e.Param is null ? "upload_not_pending" : InvalidRequestException.InvalidValue, e.Param)),
        UploadPartTooLargeException e => (413, Invalid(e.Message, "payload_too_large", "data")),
        FileContentException e => (400, Invalid(e.Message, InvalidRequestException.InvalidValue, "file")),
        FileQuotaExceededException e => (413, Invalid(e.Message, "file_quota_exceeded", "file")),
        JobNotFoundException e => (404, new(e.Message, "not_found_error", null, "job_not_found")),
        QueueTimeoutException e => (408, new(e.Message, "timeout_error", null, "queue_timeout")),
        RequestTimeoutException e => (408, new(e.Message, "timeout_error", null, "request_timeout")),
        PayloadTooLargeException e => (413, Invalid(e.Message, "payload_too_large", mediaPath)),
        UnsupportedContentTypeException e => (415, Invalid(e.Message, "unsupported_media", null)),
        CompressedBodyException e => (415, Invalid(e.Message, "unsupported_media", null)),
        VideoAsPictureException e => (415, Invalid(e.Message, "unsupported_media", mediaPath)),
        UnsupportedMediaException e => (415, Invalid(e.Message, "unsupported_media", mediaPath)),
        VideoUnreadableException e => (422, Invalid(e.Message, "video_unreadable", mediaPath)),
        VideoFetchFailedException e => (422, Invalid(e.Message, "video_fetch_failed", mediaPath)),
        VideoTooLongException e => (422, Invalid(e.Message, "video_too_long", mediaPath)),
        VideoTooLargeException e => (422, Invalid(e.Message, "video_too_large", mediaPath)),
        SubtitleTrackException e => (422, Invalid(e.Message, "subtitles_unavailable", "use_subtitles")),
        ClientLimitException e => (429, new(e.Message, "rate_limit_error", null, "rate_limit_exceeded")),
        ClientOverloadedException e => (429, new(e.Message, "rate_limit_error", null, "rate_limit_exceeded")),
        AddressRefusedException e => (400, Invalid($"The address is not allowed: {e.Message}", "address_not_allowed", "webhook.url")),
        BatchNotFoundException e => (404, new(e.Message, "not_found_error", null, "batch_not_found")),
        BatchQuotaException e => (429, new(e.Message, "rate_limit_error", null, "batch_quota_exceeded")),
        JobQuotaException e => (429, new(e.Message, "rate_limit_error", null, "job_quota_exceeded")),
        JobCancelledException e => (409, Invalid(e.Message, "job_cancelled", null)),
        JobAbandonedException e => (503, new(e.Message, "server_error", null, "job_abandoned")),
        JobSpaceException e => (507, new(e.Message, "server_error", null, "job_space_exhausted")),
        BodiesOverloadedException e => (503, new(e.Message, "server_error", null, "engine_overloaded")),
        EngineOverloadedException e => (503, new(e.Message, "server_error", null, "engine_overloaded")),
        WorkerFailedException e => (503, new(e.Message, "server_error", null, "engine_overloaded")),
        NoWorkerException e => (503, new(e.Message, "server_error", null, "engine_overloaded")),
        EngineLoadingException e => (503, new(e.Message, "server_error", null, "engine_loading")),
        EnginePausedException e => (503, new(e.Message, "server_error", null, "engine_draining")),
        EngineStoppedException e => (503, new(e.Message, "server_error", null, "engine_draining")),
        _ when Disk.IsFull(exception) => (507, new(DiskFull, "server_error", null, "insufficient_storage")),
        BadHttpRequestException { StatusCode: 413 } => (413, Invalid(BodyTooLarge, "payload_too_large", null)),
        BadHttpRequestException { StatusCode: 408 } => (408, new(BodyTooSlow, "timeout_error", null, "request_timeout")),
        IOException { InnerException: OverflowException } => (400, Invalid("The body is not well formed: a chunk claims a size that no number holds.", "malformed_request", null)),      // Kestrel's
        BadHttpRequestException e => (e.StatusCode, Invalid(e.Message, "malformed_request", null)),
        _ => (500, new($"The server failed on this request. Its id is {requestId}.", "server_error", null, "internal_error")),
    };

    /// <summary>Whether its cause is the operator's to look for.</summary>
    public static bool IsOurs(Error error) => error.Code is "internal_error" or "insufficient_storage";

    /// <summary>What is said where nothing but a status is known: no such route, wrong method.</summary>
    public static Error OfStatus(int status, HttpRequest request) => status switch
    {
        404 => new($"There is no {request.Path}. See /swagger for the routes.", "not_found_error", null, "route_not_found"),
        405 => Invalid($"{request.Path} does not answer {request.Method}. See /swagger for the methods of each route.", "method_not_allowed", null),
        413 => Invalid(BodyTooLarge, "payload_too_large", null),
        416 => Invalid($"The range '{InvalidRequestException.Shortened(request.Headers.Range.ToString())}' lies outside of the file. Ask for bytes that it has; GET /v1/files/{{id}} says how many.", "range_not_satisfiable", null),
        415 => Invalid($"{request.Path} does not read this content type. See /swagger for those it reads.", "unsupported_media", null),
        < 500 => Invalid($"The request was refused with status {status}.", "malformed_request", null),
        _ => new("The server failed on this request.", "server_error", null, "internal_error"),
    };

    private static Error Unauthorised(string message) => new(message, "authentication_error", null, "invalid_api_key");

    private static Error Invalid(string message, string? code, string? param) => new(message, "invalid_request_error", param, code);
}
