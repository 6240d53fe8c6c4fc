using System.Net.Http.Headers;
using System.Text;
using LlamaVid.Benchmarks.Traffic;

namespace LlamaVid.Benchmarks.Soak.Hostile;

/// <summary>The attacks of a soak, each with the ends that the documentation allows it (docs/security.md). Keeps no count.</summary>
internal sealed class Arsenal(Uri server, HostileHttp http, Canary canary, ClipSupply clips, string? key)
{
    private const int IdleStreams = 24, WrongKeys = 40, Connections = 20, Drops = 24;
    private static readonly TimeSpan Idle = TimeSpan.FromSeconds(5), Patience = TimeSpan.FromMinutes(1);

    public IReadOnlyList<Attack> All =>
    [
        new("slow heads", (_, stop) => ManyAsync(Connections, () => RawAsync("GET /v1/models HTTP/1.1\r\nHost: localhost\r\nX-Slow: ", Drops, stop)), "408", "400", Attack.Closed),
        new("slow bodies", (_, stop) => ManyAsync(Connections, () => RawAsync($"POST /v1/ask HTTP/1.1\r\nHost: localhost\r\n{Credentials}Content-Type: application/json\r\nContent-Length: 100000000\r\n\r\n{{", Drops, stop)),
            "408", "400", Attack.Closed),
        new("idle streams", (random, stop) => ManyAsync(IdleStreams, () => http.IdleAsync(Chat($"Go on {random.Next()}", 400), Idle, stop)), "200"),
        new("broken heads", (random, stop) => OneAsync(RawAsync(Pick(random,
            "GET / HTTP/9.9\r\n\r\n", "\u0001\u0002\u0003\r\n\r\n", "GET  /\r\n\r\n", $"GET /{new string('a', 20_000)} HTTP/1.1\r\nHost: localhost\r\n\r\n",
            $"GET / HTTP/1.1\r\nHost: localhost\r\nX: {new string('a', 60_000)}\r\n\r\n", "GET / HTTP/1.1\r\n\r\n", "GET / HTTP/1.1\r\nHost: a b\r\n\r\n",
            $"POST /v1/ask HTTP/1.1\r\nHost: localhost\r\n{Credentials}Content-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n"), 0, stop)),
            "400", "401", "408", "411", "413", "414", "415", "431", "505", Attack.Closed),
        new("deep json", (random, stop) => OneAsync(http.ChatAsync("{\"messages\":[" + Times(Pick(random, "[", "{\"a\":"), 200_000), stop)), "400"),
        new("wide json", (random, stop) => OneAsync(http.ChatAsync("{\"messages\":[" + Times(Pick(random, "0,", "[],", "\"\","), 1_500_000), stop)), "400"),
        new("messages without end", (_, stop) => OneAsync(http.ChatAsync($$"""{"messages":[{{Times("""{"role":"user","content":"a"},""", 20_000)}}{"role":"user","content":"a"}]}""", stop)), "400"),
        new("huge text", (_, stop) => OneAsync(http.ChatAsync(Chat(new string('a', 8_000_000), 4), stop)), "400", "413"),
        new("parts without end", (_, stop) => OneAsync(FormAsync(string.Concat(Enumerable.Range(0, 20_000).Select(i => $"--b\r\nContent-Disposition: form-data; name=f{i}\r\n\r\nx\r\n")) + "--b--\r\n", stop)),
            "400", "413", Attack.Closed),
        new("heads of parts without end", (_, stop) => OneAsync(FormAsync($"--b\r\nContent-Disposition: form-data; name=video; filename=\"{new string('v', 200_000)}\"\r\n\r\nx\r\n--b--\r\n", stop)),
            "400", "413", Attack.Closed),
        new("forms without an end", (random, stop) => OneAsync(FormAsync($"--b\r\nContent-Disposition: form-data; name=video; filename=v\r\n\r\n{Times("x", random.Next(1, 500_000))}", stop)), "400", "415"),
        new("packed bodies", (_, stop) => OneAsync(PackedAsync(stop)), "415"),
        new("forbidden addresses", (random, stop) => OneAsync(http.ChatAsync(Chat("What is there?", 4, Pick(random, [.. canary.Addresses])), stop)), "400", "422"),
        new("garbage videos", (random, stop) => OneAsync(GarbageAsync(random, stop)), "400", "413", "415", "422", Attack.ErrorLater),
        new("wrong keys", (random, stop) => ManyAsync(key is null ? 0 : WrongKeys, () =>
            http.PostAsync("/v1/chat/completions", new StringContent("{}", Encoding.UTF8, "application/json"), $"lv-{random.NextInt64()}", stop)), "401", "429"),
        new("clients that leave", (random, stop) => ManyAsync(Connections, () => http.IdleAsync(Chat($"Go on {random.Next()}", 400, ClipSupply.DataUri(clips.Fresh())), TimeSpan.Zero, stop)), "200"),
    ];

    private string Credentials => key is null ? "" : $"Authorization: Bearer {key}\r\n";

    private Task<string> RawAsync(string head, int drops, CancellationToken stop) => RawConnection.SendAsync(server, head, drops, Patience, stop);

    private Task<string> FormAsync(string body, CancellationToken stop) => http.PostAsync("/v1/ask", HostileHttp.Form(body), key, stop);

    private Task<string> PackedAsync(CancellationToken stop)
    {
        var content = new ByteArrayContent(new byte[100_000]);
        content.Headers.ContentType = new MediaTypeHeaderValue("application/json");
        content.Headers.ContentEncoding.Add("gzip");
        return http.PostAsync("/v1/ask", content, key, stop);
    }

    private Task<string> GarbageAsync(Random random, CancellationToken stop)
    {
        var noise = new byte[random.Next(1, 100_000)];
        random.NextBytes(noise);
        byte[] cut = [.. clips.Fresh().Take(random.Next(16, 400))];
        var bytes = Pick(random, noise, cut, [.. cut, .. noise], [.. "#EXTM3U\n#EXTINF:1,\nfile:///etc/passwd\n"u8], [.. "ffconcat version 1.0\nfile '/etc/passwd'\n"u8], [.. "<svg xmlns=\"http://www.w3.org/2000/svg\"/>"u8], []);
        return http.ChatAsync(Chat("What is there?", 4, ClipSupply.DataUri(bytes)), stop);
    }

    private static string Chat(string text, int maxTokens, string? video = null) =>
        ChatBody.About(text, video, maxTokens);

    private static string Times(string text, int count) => new StringBuilder(text.Length * count).Insert(0, text, count).ToString();

    private static T Pick<T>(Random random, params T[] choices) => choices[random.Next(choices.Length)];

    private static async Task<IReadOnlyList<string>> OneAsync(Task<string> end) => [await end];

    private static async Task<IReadOnlyList<string>> ManyAsync(int count, Func<Task<string>> one) => await Task.WhenAll(Enumerable.Range(0, count).Select(_ => one()));
}
