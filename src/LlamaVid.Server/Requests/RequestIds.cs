using System.Security.Cryptography;

namespace LlamaVid.Server.Requests;

/// <summary>Names that tie a client's answer to the log. A client's own <c>x-request-id</c> is kept when it is harmless.</summary>
internal static class RequestIds
{
    public const string Header = "x-request-id";

    public static string NewCompletion() => $"chatcmpl-{RandomNumberGenerator.GetHexString(24, lowercase: true)}";

    public static string Of(HttpContext context) => context.TraceIdentifier;

    /// <summary>Gives every request its id before anything else sees it, and tells the client.</summary>
    public static Task Assign(HttpContext context, RequestDelegate next)
    {
        var own = context.Request.Headers[Header].ToString();
        context.TraceIdentifier = IsHarmless(own) ? own : $"req_{RandomNumberGenerator.GetHexString(24, lowercase: true)}";
        context.Response.OnStarting(static state =>
        {
            var context = (HttpContext)state;
            context.Response.Headers[Header] = context.TraceIdentifier;
            return Task.CompletedTask;
        }, context);
        return next(context);
    }

    private static bool IsHarmless(string id) => id.Length is > 0 and <= 128 && id.All(c => char.IsAsciiLetterOrDigit(c) || c is '-' or '_' or '.');
}
