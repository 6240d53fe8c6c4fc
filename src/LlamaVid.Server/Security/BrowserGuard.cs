using System.Net;
using LlamaVid.Server.Errors;
using Microsoft.Extensions.Options;

namespace LlamaVid.Server.Security;

/// <summary>Keeps web pages from using a server that asks for no key, through the browser of somebody who can reach it.</summary>
/// <remarks>
/// A page of any site may send a form to 127.0.0.1, and with a name of its own that resolves to 127.0.0.1 (DNS rebinding) read the answer as well. So without keys a request is refused that
/// names a foreign page as its origin, or, on a server that only this machine reaches, a host that is not this machine. Keys need none of this: no browser sends them by itself.
/// </remarks>
internal sealed class BrowserGuard(RequestDelegate next, KeyRing keys, IOptions<SecurityOptions> options)
{
    public Task InvokeAsync(HttpContext context)
    {
        if (keys.IsEmpty)
        {
            var (origin, host) = (context.Request.Headers.Origin.ToString(), context.Request.Host);
            if (!options.Value.AllowAnonymous && host.HasValue && !IsThisMachine(host.Host)) throw new ForeignHostException(host.Host);
            if (origin.Length > 0 && !IsOwn(origin, host) && !options.Value.CorsOrigins.Any(allowed => allowed == "*" || allowed.Equals(origin, StringComparison.OrdinalIgnoreCase)))
                throw new ForeignOriginException(origin);
        }
        return next(context);
    }

    private static bool IsOwn(string origin, HostString host) => Uri.TryCreate(origin, UriKind.Absolute, out var page) && page.Authority.Equals(host.Value, StringComparison.OrdinalIgnoreCase);

    private static bool IsThisMachine(string host) =>
        host.Equals("localhost", StringComparison.OrdinalIgnoreCase) || IPAddress.TryParse(host.Trim('[', ']'), out var address) && IPAddress.IsLoopback(address);
}
