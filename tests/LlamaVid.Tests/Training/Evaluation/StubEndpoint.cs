using System.Net;
using System.Net.Sockets;
using System.Text;
using System.Text.Json;
using System.Text.Json.Nodes;

namespace LlamaVid.Tests.Training.Evaluation;

/// <summary>An endpoint of OpenAI's API on a port of its own: what it is asked is kept, what it replies is the test's.</summary>
internal sealed class StubEndpoint : IDisposable
{
    private readonly HttpListener _listener = new();
    private readonly Func<JsonElement, (int Status, string Content)> _reply;
    private readonly List<JsonElement> _requests = [];
    private readonly Task _loop;

    /// <param name="reply">from the request's body to a status and the assistant's text; another status than 200 has the text as its error</param>
    public StubEndpoint(Func<JsonElement, (int Status, string Content)> reply)
    {
        _reply = reply;
        Url = $"http://127.0.0.1:{FreePort()}";
        _listener.Prefixes.Add(Url + "/");
        _listener.Start();
        _loop = Task.Run(ServeAsync);
    }

    public string Url { get; }

    public IReadOnlyList<JsonElement> Requests
    {
        get
        {
            lock (_requests) return [.. _requests];
        }
    }

    public static string Text(JsonElement request, int message) =>
        request.GetProperty("messages")[message].GetProperty("content") is { ValueKind: JsonValueKind.Array } parts
            ? string.Concat(parts.EnumerateArray().Where(part => part.TryGetProperty("text", out _)).Select(part => part.GetProperty("text").GetString()))
            : request.GetProperty("messages")[message].GetProperty("content").GetString()!;

    public void Dispose()
    {
        _listener.Stop();
        _loop.GetAwaiter().GetResult();
        _listener.Close();
    }

    private async Task ServeAsync()
    {
        while (true)
        {
            HttpListenerContext context;
            try
            {
                context = await _listener.GetContextAsync();
            }
            catch (Exception stopped) when (stopped is HttpListenerException or ObjectDisposedException or InvalidOperationException)
            {
                return;
            }
            await AnswerAsync(context);
        }
    }

    private async Task AnswerAsync(HttpListenerContext context)
    {
        var (status, body) = (200, """{"object":"list","data":[{"id":"listed","object":"model","created":0,"owned_by":"test"}]}""");
        if (context.Request.HttpMethod == "POST")
        {
            using var document = await JsonDocument.ParseAsync(context.Request.InputStream);
            var request = document.RootElement.Clone();
            lock (_requests) _requests.Add(request);
            (status, var content) = _reply(request);
            body = status == 200 ? Completion(content) : new JsonObject { ["error"] = new JsonObject { ["message"] = content } }.ToJsonString();
        }
        context.Response.StatusCode = status;
        context.Response.ContentType = "application/json";
        await context.Response.OutputStream.WriteAsync(Encoding.UTF8.GetBytes(body));
        context.Response.Close();
    }

    private static string Completion(string content) => new JsonObject
    {
        ["id"] = "x", ["object"] = "chat.completion", ["created"] = 0, ["model"] = "listed",
        ["choices"] = new JsonArray(new JsonObject
        {
            ["index"] = 0, ["finish_reason"] = "stop", ["message"] = new JsonObject { ["role"] = "assistant", ["content"] = content },
        }),
    }.ToJsonString();

    private static int FreePort()
    {
        using var probe = new TcpListener(IPAddress.Loopback, 0);
        probe.Start();
        return ((IPEndPoint)probe.LocalEndpoint).Port;
    }
}
