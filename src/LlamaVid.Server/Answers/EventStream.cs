using System.Text.Json;
using System.Text.Json.Serialization.Metadata;

namespace LlamaVid.Server.Answers;

/// <summary>Where the events of a streamed answer go: to a connection, or into the record of a job.</summary>
internal interface IAnswerStream
{
    /// <summary>Whether something was said that cannot be taken back.</summary>
    bool IsOpen { get; }

    /// <summary>How long nothing was said.</summary>
    TimeSpan Silence { get; }

    Task CommentAsync(string text, CancellationToken cancellationToken);

    Task DataAsync(string data, CancellationToken cancellationToken);

    Task DataAsync<T>(T data, JsonTypeInfo<T> type, CancellationToken cancellationToken);
}

/// <summary>Writes server-sent events, each flushed at once. Knows when it last wrote; comments keep proxies from closing a silent connection.</summary>
/// <remarks>Our own because the framework's SSE result cannot write comments.</remarks>
internal sealed class EventStream(HttpResponse response, TimeProvider time) : IAnswerStream
{
    private long _lastWrite = time.GetTimestamp();

    public bool IsOpen { get; private set; }

    public TimeSpan Silence => time.GetElapsedTime(_lastWrite);

    public Task CommentAsync(string text, CancellationToken cancellationToken) => WriteAsync($": {text}\n\n", cancellationToken);

    public Task DataAsync(string data, CancellationToken cancellationToken) => WriteAsync($"data: {data}\n\n", cancellationToken);

    /// <param name="id">What a client names as <c>Last-Event-ID</c> when it continues after this event.</param>
    public Task DataAsync(string data, int id, CancellationToken cancellationToken) => WriteAsync($"id: {id}\ndata: {data}\n\n", cancellationToken);

    public Task DataAsync<T>(T data, JsonTypeInfo<T> type, CancellationToken cancellationToken) =>
        DataAsync(JsonSerializer.Serialize(data, type), cancellationToken);

    private async Task WriteAsync(string text, CancellationToken cancellationToken)
    {
        if (!IsOpen)
        {
            IsOpen = true;
            response.ContentType = "text/event-stream; charset=utf-8";
            response.Headers.CacheControl = "no-cache";
            response.Headers["X-Accel-Buffering"] = "no";
        }
        await response.WriteAsync(text, cancellationToken);
        await response.Body.FlushAsync(cancellationToken);
        _lastWrite = time.GetTimestamp();
    }
}
