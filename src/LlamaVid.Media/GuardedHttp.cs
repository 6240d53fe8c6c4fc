using System.Net;
using System.Net.Sockets;

namespace LlamaVid.Media;

/// <summary>HTTP to addresses that clients name, so that they cannot reach what only this machine can reach. The one place where that is decided.</summary>
/// <remarks>
/// A host is resolved once per connection, every address it has is checked, and the socket goes to one of those: a second answer of the name server changes nothing.
/// Redirects are not followed: who follows one sends again, and is checked again. No proxy, no cookies, no credentials.
/// </remarks>
public sealed class GuardedHttp : IDisposable
{
    private readonly MediaOptions _options;
    private readonly Func<string, CancellationToken, Task<IPAddress[]>> _resolve;
    private readonly Func<IPAddress, bool> _isPublic;
    private readonly HttpClient _http;

    /// <param name="resolve">Tests play name server with it,</param>
    /// <param name="isPublic">and internet: which addresses of their own belong to it.</param>
    public GuardedHttp(MediaOptions options, Func<string, CancellationToken, Task<IPAddress[]>>? resolve = null, Func<IPAddress, bool>? isPublic = null)
    {
        (_options, _resolve, _isPublic) = (options, resolve ?? Dns.GetHostAddressesAsync, isPublic ?? PublicAddress.Is);
        _http = new(new SocketsHttpHandler
        {
            AllowAutoRedirect = false,
            UseProxy = false,
            UseCookies = false,
            AutomaticDecompression = DecompressionMethods.None,
            MaxResponseHeadersLength = 64,
            PooledConnectionLifetime = TimeSpan.Zero,       // every request resolves and checks for itself
            ConnectCallback = ConnectAsync,
        })
        {
            Timeout = Timeout.InfiniteTimeSpan,
        };
        _http.DefaultRequestHeaders.UserAgent.ParseAdd("LlamaVid.Server");
    }

    /// <returns>The answer when its headers are there; its body has not been read.</returns>
    /// <exception cref="AddressRefusedException">the address may not be reached</exception>
    /// <exception cref="HttpRequestException">it cannot be reached</exception>
    public async Task<HttpResponseMessage> SendAsync(HttpRequestMessage request, CancellationToken cancellationToken)
    {
        Check(request.RequestUri!);
        try
        {
            return await _http.SendAsync(request, HttpCompletionOption.ResponseHeadersRead, cancellationToken).ConfigureAwait(false);
        }
        catch (HttpRequestException fault) when (fault.InnerException is AddressRefusedException refused)
        {
            throw refused;
        }
    }

    /// <summary>What can be said of an address before it is looked up.</summary>
    /// <exception cref="AddressRefusedException"></exception>
    public void Check(Uri url)
    {
        if (!_options.AllowUrls)
            throw new AddressRefusedException(url, "this server goes to no address that clients name (Media:AllowUrls).");
        if (!url.IsAbsoluteUri || !(url.Scheme == Uri.UriSchemeHttps || (url.Scheme == Uri.UriSchemeHttp && _options.AllowHttp)))
            throw new AddressRefusedException(url, _options.AllowHttp ? "only http and https addresses are allowed." : "only https addresses are allowed (Media:AllowHttp).");
        if (url.UserInfo.Length > 0)
            throw new AddressRefusedException(url, "addresses with a user name or password are not allowed.");
        if (!_options.AllowPrivateAddresses && !url.IsDefaultPort && !_options.AllowedPorts.Contains(url.Port))
            throw new AddressRefusedException(url, $"port {url.Port} is not allowed (Media:AllowedPorts); use the standard port of {url.Scheme}.");
        var host = url.IdnHost.TrimEnd('.');
        if (_options.DeniedHosts.Any(denied => Covers(denied, host)) || (_options.AllowedHosts.Count > 0 && !_options.AllowedHosts.Any(allowed => Covers(allowed, host))))
            throw new AddressRefusedException(url, $"the host {host} is not allowed here.");
    }

    private static bool Covers(string pattern, string host) =>
        host.Equals(pattern.TrimStart('.'), StringComparison.OrdinalIgnoreCase)
        || (pattern.StartsWith('.') && host.EndsWith(pattern, StringComparison.OrdinalIgnoreCase));

    private async ValueTask<Stream> ConnectAsync(SocketsHttpConnectionContext context, CancellationToken cancellationToken)
    {
        var url = context.InitialRequestMessage.RequestUri!;
        IPAddress[] addresses;
        try
        {
            // Not all literals pass through the resolver: 0.0.0.0 is an argument error there.
            var host = context.DnsEndPoint.Host;
            addresses = IPAddress.TryParse(host, out var literal) ? [literal] : await _resolve(host, cancellationToken).ConfigureAwait(false);
        }
        catch (SocketException)
        {
            addresses = [];
        }
        if (addresses.Length == 0) throw new AddressRefusedException(url, "its host is not known.");
        // One private address among public ones is a trick, not an accident.
        if (!_options.AllowPrivateAddresses && !Array.TrueForAll(addresses, address => _isPublic(address)))
            throw new AddressRefusedException(url, "its host is not a public internet address (Media:AllowPrivateAddresses).");

        var socket = new Socket(SocketType.Stream, ProtocolType.Tcp) { NoDelay = true };
        try
        {
            await socket.ConnectAsync(addresses, context.DnsEndPoint.Port, cancellationToken).ConfigureAwait(false);
            return new NetworkStream(socket, ownsSocket: true);
        }
        catch
        {
            socket.Dispose();
            throw;
        }
    }

    public void Dispose() => _http.Dispose();
}
