using LlamaVid.Server.Tests.Http;

namespace LlamaVid.Server.Tests.Security;

/// <summary>What pages in a browser may do with a server: with one that has no keys nothing, unless their site is listed.</summary>
public sealed class BrowserTests
{
    [Theory]
    [InlineData(null, null, 200)]
    [InlineData("Host", "localhost:{0}", 200)]
    [InlineData("Host", "[::1]:{0}", 200)]
    [InlineData("Host", "rebound.example", 403)]
    [InlineData("Host", "127.0.0.1.example", 403)]
    [InlineData("Host", "192.168.1.7", 403)]
    [InlineData("Origin", "http://127.0.0.1:{0}", 200)]
    [InlineData("Origin", "http://127.0.0.1:1", 403)]
    [InlineData("Origin", "https://evil.example", 403)]
    [InlineData("Origin", "null", 403)]
    public async Task Without_keys_only_pages_of_this_machine_are_answered(string? header, string? value, int status)
    {
        await using var server = await RunningServer.StartAsync();
        foreach (var (method, path) in new[] { ("GET", "/v1/models"), ("GET", "/swagger/index.html"), ("POST", "/v1/ask") })
        {
            using var request = new HttpRequestMessage(new(method), path);
            if (method == "POST") request.Content = Clips.Form(Clips.Bytes, ("question", "Why?"), ("max_tokens", "1"));
            if (header is not null) request.Headers.TryAddWithoutValidation(header, string.Format(null, value!, server.Address.Port));
            using var response = await server.Http.SendAsync(request, TestContext.Current.CancellationToken);
            Assert.Equal(status, (int)response.StatusCode);
        }
    }

    [Fact]
    public async Task Listed_sites_may_and_are_told_so()
    {
        var keys = new Keys();
        var key = keys.Add("page");
        await using var open = await RunningServer.StartAsync("--Security:CorsOrigins:0", "https://app.example");
        await using var closed = await RunningServer.StartAsync([.. keys.Options, "--Security:CorsOrigins:0", "https://app.example"]);

        foreach (var server in new[] { open, closed })
        {
            var preflight = await SendAsync(server, "OPTIONS", "https://app.example", null, ("Access-Control-Request-Method", "POST"), ("Access-Control-Request-Headers", "authorization,content-type"));
            Assert.Equal((204, "https://app.example"), (preflight.Status, preflight.Headers["Access-Control-Allow-Origin"]));
            Assert.Contains("authorization", preflight.Headers["Access-Control-Allow-Headers"], StringComparison.OrdinalIgnoreCase);
        }
        Assert.Equal("https://app.example", (await SendAsync(closed, "GET", "https://app.example", key)).Headers["Access-Control-Allow-Origin"]);
        Assert.False((await SendAsync(closed, "GET", "https://evil.example", key)).Headers.ContainsKey("Access-Control-Allow-Origin"));
        Assert.False((await SendAsync(closed, "GET", "https://app.example", key)).Headers.ContainsKey("Access-Control-Allow-Credentials"));
        Assert.Equal(403, (await SendAsync(open, "GET", "https://evil.example", null)).Status);
    }

    [Fact]
    public async Task Every_answer_tells_browsers_to_trust_nothing()
    {
        await using var server = await RunningServer.StartAsync();
        foreach (var reply in new[] { await server.GetAsync("/v1/models"), await server.GetAsync("/nope"), await server.ChatAsync("{}"), await server.GetAsync("/metrics"), await server.GetAsync("/swagger/index.html") })
        {
            Assert.Equal(("nosniff", "DENY", "no-referrer"), (reply.Headers["X-Content-Type-Options"], reply.Headers["X-Frame-Options"], reply.Headers["Referrer-Policy"]));
            Assert.Contains("frame-ancestors 'none'", reply.Headers["Content-Security-Policy"], StringComparison.Ordinal);
            Assert.False(reply.Headers.ContainsKey("Server"));
        }
    }

    [Fact]
    public async Task A_callers_address_is_that_of_the_proxy_unless_the_proxy_is_trusted()
    {
        await using var plain = await RunningServer.StartAsync("--Engine:MaxRequestsPerClient", "1");
        await using var behind = await RunningServer.StartAsync("--Engine:MaxRequestsPerClient", "1", "--Security:TrustedProxies:0", "127.0.0.0/8");

        using (await plain.StreamAsync())
            Assert.Equal(429, (await ChatAsync(plain, "203.0.113.9")).Status);
        using (await behind.StreamAsync())
        {
            Assert.Equal(200, (await ChatAsync(behind, "203.0.113.9")).Status);
            Assert.Equal(429, (await behind.ChatAsync("""{"messages":[{"role":"user","content":"Hi"}],"max_tokens":1}""")).Status);
        }
    }

    private static async Task<Reply> ChatAsync(RunningServer server, string address)
    {
        using var request = new HttpRequestMessage(HttpMethod.Post, "/v1/chat/completions")
        {
            Content = new StringContent("""{"messages":[{"role":"user","content":"Hi"}],"max_tokens":1}""", null, "application/json"),
        };
        request.Headers.Add("X-Forwarded-For", address);
        using var response = await server.Http.SendAsync(request, TestContext.Current.CancellationToken);
        return await Reply.OfAsync(response);
    }

    private static async Task<Reply> SendAsync(RunningServer server, string method, string origin, string? key, params (string Name, string Value)[] headers)
    {
        using var request = new HttpRequestMessage(new(method), "/v1/models");
        request.Headers.Add("Origin", origin);
        if (key is not null) request.Headers.Authorization = new("Bearer", key);
        foreach (var (name, value) in headers) request.Headers.Add(name, value);
        using var response = await server.Http.SendAsync(request, TestContext.Current.CancellationToken);
        return await Reply.OfAsync(response);
    }
}
