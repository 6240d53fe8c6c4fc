using System.Net.Http.Headers;
using System.Text;

namespace LlamaVid.Benchmarks.Soak.Hostile;

/// <summary>Sends what any HTTP client could send, and tells the status alone; of a stream also whether it ended with an error.</summary>
/// <param name="idle">how long a connection stays open that nobody uses</param>
internal sealed class HostileHttp(Uri server, string? key, TimeSpan idle) : IDisposable
{
    private static readonly TimeSpan LongestAnswer = TimeSpan.FromMinutes(2);

    private readonly HttpClient _http = new(new SocketsHttpHandler { PooledConnectionIdleTimeout = idle }) { BaseAddress = server, Timeout = LongestAnswer };

    public Task<string> ChatAsync(string body, CancellationToken cancellationToken) =>
        PostAsync("/v1/chat/completions", new StringContent(body, Encoding.UTF8, "application/json"), key, cancellationToken);

    public async Task<string> PostAsync(string path, HttpContent content, string? bearer, CancellationToken cancellationToken)
    {
        try
        {
            using var response = await SendAsync(path, content, bearer, HttpCompletionOption.ResponseContentRead, cancellationToken);
            return response.IsSuccessStatusCode && (await response.Content.ReadAsStringAsync(cancellationToken)).Contains("data: {\"error\":", StringComparison.Ordinal)
                ? Attack.ErrorLater
                : $"{(int)response.StatusCode}";
        }
        catch (Exception fault) when (fault is HttpRequestException or IOException)
        {
            return Attack.Closed;
        }
        catch (OperationCanceledException) when (!cancellationToken.IsCancellationRequested)
        {
            return "no answer";
        }
    }

    /// <summary>Opens a stream and leaves it unread for a time, then goes away.</summary>
    public async Task<string> IdleAsync(string body, TimeSpan time, CancellationToken cancellationToken)
    {
        try
        {
            using var response = await SendAsync(
                "/v1/chat/completions", new StringContent(body, Encoding.UTF8, "application/json"), key, HttpCompletionOption.ResponseHeadersRead, cancellationToken);
            if (response.IsSuccessStatusCode) await Task.Delay(time, cancellationToken);
            return $"{(int)response.StatusCode}";
        }
        catch (Exception fault) when (fault is HttpRequestException or IOException)
        {
            return Attack.Closed;
        }
    }

    /// <param name="body">with parts between lines of --b</param>
    public static HttpContent Form(string body)
    {
        var content = new ByteArrayContent(Encoding.Latin1.GetBytes(body));
        content.Headers.ContentType = MediaTypeHeaderValue.Parse("multipart/form-data; boundary=b");
        return content;
    }

    public void Dispose() => _http.Dispose();

    private async Task<HttpResponseMessage> SendAsync(string path, HttpContent content, string? bearer, HttpCompletionOption until, CancellationToken cancellationToken)
    {
        using var request = new HttpRequestMessage(HttpMethod.Post, path) { Content = content };
        if (bearer is not null) request.Headers.Authorization = new("Bearer", bearer);
        return await _http.SendAsync(request, until, cancellationToken);
    }
}
