using System.Buffers;
using System.Net;
using System.Net.Sockets;
using System.Security.Cryptography;

namespace LlamaVid.Media;

/// <summary>Downloads from addresses that clients name, so that they cannot reach what only this machine can reach. The one place where that is decided.</summary>
/// <remarks>
/// A host is resolved once per connection, every address it has is checked, and the socket goes to one of those: a second answer of the name server changes nothing.
/// Redirects are followed by hand and each is checked like the first. No proxy, no cookies, no credentials.
/// </remarks>
internal sealed class MediaFetcher : IDisposable
{
    private const int MaxRedirects = 5;

    private readonly MediaOptions _options;
    private readonly Func<string, CancellationToken, Task<IPAddress[]>> _resolve;
    private readonly HttpClient _http;

    /// <param name="resolve">Tests play name server with it.</param>
    public MediaFetcher(MediaOptions options, Func<string, CancellationToken, Task<IPAddress[]>>? resolve = null)
    {
        _options = options;
        _resolve = resolve ?? Dns.GetHostAddressesAsync;
        _http = new(new SocketsHttpHandler
        {
            AllowAutoRedirect = false,
            UseProxy = false,
            UseCookies = false,
            AutomaticDecompression = DecompressionMethods.None,
            MaxResponseHeadersLength = 64,
            PooledConnectionLifetime = TimeSpan.Zero,       // every fetch resolves and checks for itself
            ConnectCallback = ConnectAsync,
        })
        {
            Timeout = Timeout.InfiniteTimeSpan,
        };
        _http.DefaultRequestHeaders.UserAgent.ParseAdd("LlamaVid.Server");
    }

    /// <returns>SHA-256 of the bytes, lower-case hexadecimal.</returns>
    /// <exception cref="VideoFetchFailedException">Not allowed, not reachable, not 200, or too slow.</exception>
    /// <exception cref="PayloadTooLargeException">Stops at the limit, whatever was announced.</exception>
    public async Task<string> FetchAsync(Uri url, Stream target, CancellationToken cancellationToken)
    {
        using var stop = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken);
        stop.CancelAfter(_options.FetchTimeout);
        try
        {
            using var response = await FollowAsync(url, stop.Token).ConfigureAwait(false);
            if (response.StatusCode != HttpStatusCode.OK)
                throw new VideoFetchFailedException(url, $"the server answered {(int)response.StatusCode}. Check that the address is public and needs no login.");
            if (response.Content.Headers.ContentLength > _options.MaxBytes)
                throw new PayloadTooLargeException(response.Content.Headers.ContentLength, _options.MaxBytes);
            var body = await response.Content.ReadAsStreamAsync(stop.Token).ConfigureAwait(false);
            await using (body.ConfigureAwait(false))
                return await CopyAsync(body, target, stop.Token).ConfigureAwait(false);
        }
        catch (OperationCanceledException) when (!cancellationToken.IsCancellationRequested)
        {
            throw new VideoFetchFailedException(url, $"it took longer than {_options.FetchTimeout.TotalSeconds:0.#} s (Media:FetchTimeout). Upload the file instead.");
        }
        catch (HttpRequestException exception)
        {
            throw exception.InnerException as VideoFetchFailedException
                ?? new VideoFetchFailedException(url, "the connection failed. Check the address.");
        }
        catch (IOException)
        {
            throw new VideoFetchFailedException(url, "the connection broke before the end. Try again, or upload the file instead.");
        }
    }

    public void Dispose() => _http.Dispose();

    private async Task<HttpResponseMessage> FollowAsync(Uri url, CancellationToken cancellationToken)
    {
        var at = url;
        for (var redirects = 0; redirects <= MaxRedirects; redirects++)
        {
            Check(at);
            using var request = new HttpRequestMessage(HttpMethod.Get, at);
            var response = await _http.SendAsync(request, HttpCompletionOption.ResponseHeadersRead, cancellationToken).ConfigureAwait(false);
            if (response.StatusCode is not (HttpStatusCode.MovedPermanently or HttpStatusCode.Found or HttpStatusCode.SeeOther
                or HttpStatusCode.TemporaryRedirect or HttpStatusCode.PermanentRedirect))
                return response;

            var location = response.Headers.Location;
            response.Dispose();
            if (location is null || !Uri.TryCreate(at, location, out var next)) throw new VideoFetchFailedException(at, "it redirects to nowhere.");
            at = next;
        }
        throw new VideoFetchFailedException(url, $"it redirects more than {MaxRedirects} times.");
    }

    private void Check(Uri url)
    {
        if (!_options.AllowUrls)
            throw new VideoFetchFailedException(url, "this server does not fetch addresses (Media:AllowUrls). Upload the file instead.");
        if (!url.IsAbsoluteUri || !(url.Scheme == Uri.UriSchemeHttps || (url.Scheme == Uri.UriSchemeHttp && _options.AllowHttp)))
            throw new VideoFetchFailedException(url, _options.AllowHttp ? "only http and https addresses are fetched." : "only https addresses are fetched (Media:AllowHttp).");
        if (url.UserInfo.Length > 0)
            throw new VideoFetchFailedException(url, "addresses with a user name or password are not fetched.");
        if (!_options.AllowPrivateAddresses && url.Port != 443 && !(url.Port == 80 && url.Scheme == Uri.UriSchemeHttp))
            throw new VideoFetchFailedException(url, $"port {url.Port} is not allowed; use the standard port of {url.Scheme}.");
        var host = url.IdnHost.TrimEnd('.');
        if (_options.DeniedHosts.Any(denied => Covers(denied, host)) || (_options.AllowedHosts.Count > 0 && !_options.AllowedHosts.Any(allowed => Covers(allowed, host))))
            throw new VideoFetchFailedException(url, $"the host {host} is not allowed here. Upload the file instead.");
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
        if (addresses.Length == 0) throw new VideoFetchFailedException(url, "its host is not known.");
        // One private address among public ones is a trick, not an accident.
        if (!_options.AllowPrivateAddresses && !Array.TrueForAll(addresses, PublicAddress.Is))
            throw new VideoFetchFailedException(url, "its host is not a public internet address (Media:AllowPrivateAddresses).");

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

    private async Task<string> CopyAsync(Stream source, Stream target, CancellationToken cancellationToken)
    {
        using var hash = IncrementalHash.CreateHash(HashAlgorithmName.SHA256);
        var buffer = ArrayPool<byte>.Shared.Rent(1 << 16);
        try
        {
            for (long total = 0; ;)
            {
                var read = await source.ReadAsync(buffer, cancellationToken).ConfigureAwait(false);
                if (read == 0) return Convert.ToHexStringLower(hash.GetHashAndReset());
                if ((total += read) > _options.MaxBytes) throw new PayloadTooLargeException(null, _options.MaxBytes);
                hash.AppendData(buffer, 0, read);
                await target.WriteAsync(buffer.AsMemory(0, read), cancellationToken).ConfigureAwait(false);
            }
        }
        finally
        {
            ArrayPool<byte>.Shared.Return(buffer);
        }
    }
}
