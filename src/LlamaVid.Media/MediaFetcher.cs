using System.Buffers;
using System.Net;
using System.Security.Cryptography;

namespace LlamaVid.Media;

/// <summary>Downloads from addresses that clients name, where <see cref="GuardedHttp"/> lets it. Counts the bytes while they come.</summary>
internal sealed class MediaFetcher : IDisposable
{
    private const int MaxRedirects = 5;

    private readonly MediaOptions _options;
    private readonly GuardedHttp _http;

    /// <inheritdoc cref="GuardedHttp(MediaOptions, Func{string, CancellationToken, Task{IPAddress[]}}, Func{IPAddress, bool})"/>
    public MediaFetcher(MediaOptions options, Func<string, CancellationToken, Task<IPAddress[]>>? resolve = null, Func<IPAddress, bool>? isPublic = null) =>
        (_options, _http) = (options, new(options, resolve, isPublic));

    /// <inheritdoc cref="FetchAsync(Uri, Stream, long, TimeSpan, CancellationToken)"/>
    public Task<string> FetchAsync(Uri url, Stream target, CancellationToken cancellationToken) => FetchAsync(url, target, _options.MaxBytes, _options.FetchTimeout, cancellationToken);

    /// <param name="bytes">What is left of Media:MaxBytes,</param>
    /// <param name="time">and of Media:FetchTimeout.</param>
    /// <returns>SHA-256 of the bytes, lower-case hexadecimal.</returns>
    /// <exception cref="VideoFetchFailedException">Not allowed, not reachable, not 200, or too slow.</exception>
    /// <exception cref="PayloadTooLargeException">Stops at the limit, whatever was announced.</exception>
    public async Task<string> FetchAsync(Uri url, Stream target, long bytes, TimeSpan time, CancellationToken cancellationToken)
    {
        using var stop = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken);
        stop.CancelAfter(time);
        try
        {
            using var response = await FollowAsync(url, stop.Token).ConfigureAwait(false);
            if (response.StatusCode != HttpStatusCode.OK)
                throw new VideoFetchFailedException(url, $"the server answered {(int)response.StatusCode}. Check that the address is public and needs no login.");
            if (response.Content.Headers.ContentEncoding.Any(encoding => !encoding.Equals("identity", StringComparison.OrdinalIgnoreCase)))
                throw new VideoFetchFailedException(url, "it is sent compressed, which was not asked for. Upload the file instead.");
            if (response.Content.Headers.ContentLength > bytes)
                throw new PayloadTooLargeException(response.Content.Headers.ContentLength, _options.MaxBytes);
            var body = await response.Content.ReadAsStreamAsync(stop.Token).ConfigureAwait(false);
            await using (body.ConfigureAwait(false))
                return await CopyAsync(url, body, target, bytes, stop.Token).ConfigureAwait(false);
        }
        catch (OperationCanceledException) when (!cancellationToken.IsCancellationRequested)
        {
            throw new VideoFetchFailedException(url, $"it took longer than {_options.FetchTimeout.TotalSeconds:0.#} s (Media:FetchTimeout). Upload the file instead.");
        }
        catch (AddressRefusedException refused)
        {
            throw new VideoFetchFailedException(refused.Url, $"{refused.Why} Upload the file instead.");
        }
        catch (HttpRequestException)
        {
            throw new VideoFetchFailedException(url, "the connection failed. Check the address.");
        }
    }

    public void Dispose() => _http.Dispose();

    private async Task<HttpResponseMessage> FollowAsync(Uri url, CancellationToken cancellationToken)
    {
        var at = url;
        for (var redirects = 0; redirects <= MaxRedirects; redirects++)
        {
            using var request = new HttpRequestMessage(HttpMethod.Get, at) { Headers = { AcceptEncoding = { new("identity") } } };
            var response = await _http.SendAsync(request, cancellationToken).ConfigureAwait(false);
            if (response.StatusCode is not (HttpStatusCode.MovedPermanently or HttpStatusCode.Found or HttpStatusCode.SeeOther
                or HttpStatusCode.TemporaryRedirect or HttpStatusCode.PermanentRedirect))
                return response;

            var location = response.Headers.Location;
            response.Dispose();
            at = Next(at, location);
        }
        throw new VideoFetchFailedException(url, $"it redirects more than {MaxRedirects} times.");
    }

    /// <summary>Where a redirect leads. What was asked for under TLS is not fetched without it.</summary>
    internal static Uri Next(Uri at, Uri? location)
    {
        if (location is null || !Uri.TryCreate(at, location, out var next)) throw new VideoFetchFailedException(at, "it redirects to nowhere.");
        return at.Scheme == Uri.UriSchemeHttps && next.Scheme == Uri.UriSchemeHttp
            ? throw new VideoFetchFailedException(at, "it redirects from https to http.")
            : next;
    }

    private async Task<string> CopyAsync(Uri url, Stream source, Stream target, long bytes, CancellationToken cancellationToken)
    {
        using var hash = IncrementalHash.CreateHash(HashAlgorithmName.SHA256);
        var buffer = ArrayPool<byte>.Shared.Rent(1 << 16);
        try
        {
            for (long total = 0; ;)
            {
                var read = await ReadAsync(url, source, buffer, cancellationToken).ConfigureAwait(false);
                if (read == 0) return Convert.ToHexStringLower(hash.GetHashAndReset());
                if ((total += read) > bytes) throw new PayloadTooLargeException(null, _options.MaxBytes);
                hash.AppendData(buffer, 0, read);
                await target.WriteAsync(buffer.AsMemory(0, read), cancellationToken).ConfigureAwait(false);
            }
        }
        finally
        {
            ArrayPool<byte>.Shared.Return(buffer);
        }
    }

    /// <summary>Faults of the connection only: those of the disk are others'.</summary>
    private static async Task<int> ReadAsync(Uri url, Stream source, byte[] buffer, CancellationToken cancellationToken)
    {
        try
        {
            return await source.ReadAsync(buffer, cancellationToken).ConfigureAwait(false);
        }
        catch (IOException)
        {
            throw new VideoFetchFailedException(url, "the connection broke before the end. Try again, or upload the file instead.");
        }
    }
}
