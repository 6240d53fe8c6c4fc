using LlamaVid.Server.OpenAi;
using LlamaVid.Server.Requests;
using Microsoft.AspNetCore.Diagnostics;

namespace LlamaVid.Server.Errors;

/// <summary>Answers every exception that reaches the pipeline's end with the row that <see cref="ErrorMap"/> has for it.</summary>
internal sealed class OpenAiExceptionHandler(ILogger<OpenAiExceptionHandler> logger) : IExceptionHandler
{
    public async ValueTask<bool> TryHandleAsync(HttpContext context, Exception exception, CancellationToken cancellationToken)
    {
        if (context.RequestAborted.IsCancellationRequested)
        {
            context.Response.StatusCode = StatusCodes.Status499ClientClosedRequest;
            return true;
        }
        var (status, error) = ErrorMap.Map(exception, RequestIds.Of(context), MediaPathOf(context));
        if (ErrorMap.IsOurs(error))
            Log.RequestFailed(logger, exception, RequestIds.Of(context));
        await WriteAsync(context, status, error, cancellationToken);
        return true;
    }

    public static Task WriteAsync(HttpContext context, int status, Error error, CancellationToken cancellationToken)
    {
        context.Response.StatusCode = status;
        if (status is StatusCodes.Status503ServiceUnavailable or StatusCodes.Status429TooManyRequests && context.Response.Headers.RetryAfter.Count == 0)
            context.Response.Headers.RetryAfter = "5";
        if (status == StatusCodes.Status507InsufficientStorage)
            context.Response.Headers["x-should-retry"] = "false";      // else official clients send all of it again at once
        return context.Response.WriteAsJsonAsync(new ErrorResponse(error), OpenAiJson.Wire.ErrorResponse, cancellationToken: cancellationToken);
    }

    /// <summary>Remembers where the request named its media, for a fault that is found when they are opened.</summary>
    public static void SetMediaPath(HttpContext context, string? path) => context.Items[typeof(OpenAiExceptionHandler)] = path;

    private static string? MediaPathOf(HttpContext context) => context.Items[typeof(OpenAiExceptionHandler)] as string;
}
