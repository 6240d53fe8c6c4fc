using System.Net;
using LlamaVid.Server.Errors;
using Microsoft.AspNetCore.HttpOverrides;
using Microsoft.AspNetCore.Server.Kestrel.Core;

namespace LlamaVid.Server.Security;

/// <summary>What is true of every connection, request and answer, whoever sends it: bounded sizes and waits, plain bodies, headers that tell browsers to trust nothing.</summary>
internal static class RequestGuards
{
    /// <summary>Kestrel's own defaults hold for the rest: 8 KB for the request line, 32 KB and 100 lines of headers, 240 bytes per second for bodies and readers, 130 s for idle connections.</summary>
    public static void Limit(KestrelServerOptions kestrel, ServerOptions options)
    {
        kestrel.AddServerHeader = false;
        kestrel.Limits.MaxRequestBodySize = options.MaxRequestBytes;
        kestrel.Limits.MaxConcurrentConnections = options.MaxConnections;
        kestrel.Limits.MaxConcurrentUpgradedConnections = 0;               // nothing here is upgraded
        kestrel.Limits.RequestHeadersTimeout = options.RequestHeadersTimeout;
    }

    /// <summary>Whose word about a caller's address is taken: that of these proxies, as far as the chain of them reaches.</summary>
    public static ForwardedHeadersOptions Proxies(SecurityOptions options)
    {
        var headers = new ForwardedHeadersOptions { ForwardedHeaders = ForwardedHeaders.XForwardedFor | ForwardedHeaders.XForwardedProto, ForwardLimit = null };
        headers.KnownProxies.Clear();
        headers.KnownIPNetworks.Clear();
        foreach (var proxy in options.TrustedProxies)
            headers.KnownIPNetworks.Add(SecurityOptions.NetworkOf(proxy)!.Value);
        return headers;
    }

    /// <summary>HEAD is GET without the body, which the connection itself leaves out; not for events, whose end may be far away.</summary>
    public static async Task AnswerHeadAsync(HttpContext context, RequestDelegate next)
    {
        if (!HttpMethods.IsHead(context.Request.Method) || context.Request.Path.Value!.EndsWith("/events", StringComparison.Ordinal))
        {
            await next(context);
            return;
        }
        context.Request.Method = HttpMethods.Get;
        await next(context);
    }

    public static Task AddHeadersAsync(HttpContext context, RequestDelegate next)
    {
        context.Response.OnStarting(static state =>
        {
            var (path, headers) = (((HttpContext)state).Request.Path, ((HttpContext)state).Response.Headers);
            headers.XContentTypeOptions = "nosniff";
            headers.XFrameOptions = "DENY";
            headers["Referrer-Policy"] = "no-referrer";
            headers["Cross-Origin-Opener-Policy"] = "same-origin";
            headers.ContentSecurityPolicy = path.StartsWithSegments("/swagger")
                ? "default-src 'self'; style-src 'self' 'unsafe-inline'; img-src 'self' data:; frame-ancestors 'none'; base-uri 'none'; form-action 'none'"
                : "default-src 'none'; frame-ancestors 'none'; base-uri 'none'; form-action 'none'";
            if (headers.CacheControl.Count == 0) headers.CacheControl = "no-store";
            return Task.CompletedTask;
        }, context);
        return next(context);
    }

    /// <summary>A compressed body is as large as its sender likes; none is unpacked.</summary>
    public static Task RefuseCompressedBodies(HttpContext context, RequestDelegate next) =>
        context.Request.Headers.ContentEncoding.ToString() is { Length: > 0 } encoding && !encoding.Equals("identity", StringComparison.OrdinalIgnoreCase)
            ? throw new CompressedBodyException(encoding)
            : next(context);
}
