using System.Diagnostics;
using System.Net.ServerSentEvents;
using System.Text.Json;

namespace LlamaVid.Benchmarks.Traffic;

/// <summary>Asks a server over HTTP and times the stream of its answer. Chooses neither questions nor moments.</summary>
/// <param name="key">null sends none</param>
/// <param name="idle">how long a connection stays open that nobody uses; a minute when left out</param>
internal sealed class ChatClient(Uri server, string? key = null, TimeSpan? idle = null) : IDisposable
{
    private readonly HttpClient _http = new(new SocketsHttpHandler { PooledConnectionIdleTimeout = idle ?? TimeSpan.FromMinutes(1) })
    {
        BaseAddress = server, Timeout = Timeout.InfiniteTimeSpan, DefaultRequestHeaders = { Authorization = key is null ? null : new("Bearer", key) },
    };

    /// <param name="body">a streamed chat completion</param>
    /// <param name="clock">runs since the pattern began</param>
    /// <param name="due">when the request was due, on that clock</param>
    /// <param name="leaveAfter">goes away after so many pieces of text; null stays to the end</param>
    public async Task<Exchange> AskAsync(string body, Stopwatch clock, TimeSpan due, CancellationToken cancellationToken, int? leaveAfter = null)
    {
        var timing = new StreamTiming();
        var status = 0;
        try
        {
            using var request = new HttpRequestMessage(HttpMethod.Post, "/v1/chat/completions") { Content = new StringContent(body, null, "application/json") };
            using var response = await _http.SendAsync(request, HttpCompletionOption.ResponseHeadersRead, cancellationToken);
            status = (int)response.StatusCode;
            if (!response.IsSuccessStatusCode)
                return Ended(Outcome.Refused, await CodeAsync(response, cancellationToken)) with { RetryAfter = response.Headers.RetryAfter?.Delta };

            await using var stream = await response.Content.ReadAsStreamAsync(cancellationToken);
            await foreach (var item in SseParser.Create(stream).EnumerateAsync(cancellationToken))
            {
                timing.Add(item.Data, clock.Elapsed.TotalMilliseconds);
                if (timing.Texts.Count >= leaveAfter) return Ended(Outcome.Cancelled, null);
            }
            return timing.Error is { } error ? Ended(Outcome.Refused, error)
                : timing.IsDone ? Ended(Outcome.Answered, null) : Ended(Outcome.Broken, "stream_without_end");
        }
        catch (OperationCanceledException) when (cancellationToken.IsCancellationRequested)
        {
            return Ended(Outcome.Cancelled, null);
        }
        catch (Exception fault) when (fault is HttpRequestException or IOException or JsonException or KeyNotFoundException or InvalidOperationException)
        {
            return Ended(Outcome.Broken, $"{fault.GetType().Name}: {fault.Message}");
        }

        Exchange Ended(Outcome outcome, string? code) =>
            new(due.TotalMilliseconds, clock.Elapsed.TotalMilliseconds, outcome, status, code is null ? null : $"{status} {code}", timing);
    }

    public void Dispose() => _http.Dispose();

    private static async Task<string> CodeAsync(HttpResponseMessage response, CancellationToken cancellationToken)
    {
        using var document = JsonDocument.Parse(await response.Content.ReadAsStringAsync(cancellationToken));
        return StreamTiming.CodeOf(document.RootElement.GetProperty("error"));
    }
}
