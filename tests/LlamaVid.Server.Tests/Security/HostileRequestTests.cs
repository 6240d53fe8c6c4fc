using System.IO.Compression;
using System.Net.Http.Headers;
using System.Text;
using LlamaVid.Server.Tests.Http;

namespace LlamaVid.Server.Tests.Security;

/// <summary>Requests made to hurt: each is refused with a status that says why, and the server goes on.</summary>
[Collection(nameof(DefaultServer))]
public sealed class HostileRequestTests(DefaultServer fixture)
{
    private readonly RunningServer _server = fixture.Server;

    [Fact]
    public async Task Twenty_thousand_messages()
    {
        var messages = string.Join(',', Enumerable.Repeat("""{"role":"user","content":"a"}""", 20_000));
        var reply = await _server.ChatAsync($$"""{"messages":[{{messages}}]}""");
        Assert.Equal((400, "messages"), (reply.Status, reply.Error.GetProperty("param").GetString()));
        Assert.Contains("20000 items; the limit is 4096", reply.Text, StringComparison.Ordinal);        // not what so many would fill
    }

    [Theory]
    [InlineData("[", 100_000, "invalid_json")]
    [InlineData("{\"a\":", 100_000, "invalid_json")]
    [InlineData("[],", 2_000_000, "too_many_values")]
    [InlineData("0,", 2_000_000, "too_many_values")]
    public async Task Bodies_of_brackets(string text, int times, string code)
    {
        var reply = await _server.ChatAsync($"{{\"messages\":[{string.Concat(Enumerable.Repeat(text, times))}");
        Assert.Equal((400, code), (reply.Status, reply.Code));
    }

    [Theory]
    [InlineData(40, 200)]
    [InlineData(100, 400)]
    [InlineData(100_000, 400)]
    public async Task Brackets_within_brackets(int depth, int status)
    {
        var reply = await _server.ChatAsync($$$"""{"messages":[{"role":"user","content":"Hi"}],"max_tokens":1,"metadata":{"a":{{{new string('[', depth)}}}{{{new string(']', depth)}}}}}""");
        Assert.Equal((status, true), (reply.Status, status == 200 || reply.Code == "invalid_json"));
    }

    [Theory]
    [InlineData("gzip")]
    [InlineData("br")]
    [InlineData("deflate, gzip")]
    [InlineData("zip-bomb")]
    public async Task Compressed_bodies(string encoding)
    {
        using var packed = new MemoryStream();
        await using (var gzip = new GZipStream(packed, CompressionLevel.Optimal, leaveOpen: true))
            await gzip.WriteAsync(new byte[50_000_000], TestContext.Current.CancellationToken);
        foreach (var path in new[] { "/v1/chat/completions", "/v1/ask", "/nope" })
        {
            using var content = new ByteArrayContent(packed.ToArray());
            content.Headers.ContentType = new("application/json");
            content.Headers.TryAddWithoutValidation("Content-Encoding", encoding);
            var reply = await _server.PostAsync(path, content);
            Assert.Equal((415, "unsupported_media"), (reply.Status, reply.Code));
        }
    }

    [Fact]
    public async Task Forms_of_thousands_of_parts()
    {
        var form = new StringBuilder();
        for (var i = 0; i < 10_000; i++) form.Append($"--b\r\nContent-Disposition: form-data; name=field{i}\r\n\r\nx\r\n");
        var reply = await PostFormAsync(form.Append("--b--\r\n").ToString());
        Assert.Equal((400, "unknown_parameter"), (reply.Status, reply.Code));
        var again = await PostFormAsync(string.Concat(Enumerable.Repeat("--b\r\nContent-Disposition: form-data; name=question\r\n\r\nx\r\n", 10_000)) + "--b--\r\n");
        Assert.Equal((400, "question"), (again.Status, again.Error.GetProperty("param").GetString()));
    }

    [Theory]
    [InlineData(1, 1_000_000)]
    [InlineData(10_000, 10)]
    public async Task Parts_with_huge_heads(int lines, int length)
    {
        var head = string.Concat(Enumerable.Range(0, lines).Select(i => $"X-{i}: {new string('a', length)}\r\n"));
        var reply = await PostFormAsync($"--b\r\n{head}Content-Disposition: form-data; name=question\r\n\r\nx\r\n--b--\r\n");
        Assert.Equal((400, "malformed_form"), (reply.Status, reply.Code));
    }

    [Theory]
    [InlineData("../../etc/passwd")]
    [InlineData("/etc/passwd")]
    [InlineData("..\\..\\windows")]
    [InlineData("a\0b.mp4")]
    [InlineData("$(touch x).mp4")]
    public async Task Names_of_uploads_mean_nothing(string name)
    {
        var form = new MultipartFormDataContent();
        var file = new ByteArrayContent(Clips.Bytes);
        file.Headers.TryAddWithoutValidation("Content-Disposition", $"form-data; name=\"video\"; filename=\"{name.Replace("\\", "\\\\").Replace("\0", "%00")}\"");
        form.Add(file);
        form.Add(new StringContent("Why?"), "question");
        form.Add(new StringContent("1"), "max_tokens");
        var reply = await _server.PostAsync("/v1/ask", form);
        Assert.Equal(200, reply.Status);
        Assert.DoesNotContain("passwd", reply.Text, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("/swagger/../appsettings.json")]
    [InlineData("/swagger/..%2fappsettings.json")]
    [InlineData("/swagger/%2e%2e/appsettings.json")]
    [InlineData("/..%5cappsettings.json")]
    [InlineData("/%2e%2e/%2e%2e/etc/passwd")]
    [InlineData("/v1/models/..%2f..%2f..%2fetc%2fpasswd")]
    [InlineData("/openapi/..%2f..%2fappsettings.json")]
    [InlineData("/v1/jobs/..%2f..%2fappsettings.json")]
    public async Task Paths_lead_nowhere(string path)
    {
        using var raw = await RawClient.SendAsync(_server, $"GET {path} HTTP/1.1\r\nHost: 127.0.0.1\r\nConnection: close\r\n\r\n");
        var answer = await raw.ReadToEndAsync();
        Assert.Matches("^HTTP/1.1 40[04] ", answer);
        Assert.DoesNotContain("Serilog", answer, StringComparison.Ordinal);
        Assert.DoesNotContain("root:", answer, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("x-request-id: abc\u0000def")]
    [InlineData("x-request-id: <script>alert(1)</script>")]
    [InlineData("x-request-id: a b")]
    [InlineData("x-request-id: a%0d%0aSet-Cookie: b=c")]
    public async Task Ids_that_are_not_well_formed_are_replaced(string header)
    {
        using var raw = await RawClient.SendAsync(_server, $"GET /version HTTP/1.1\r\nHost: 127.0.0.1\r\n{header}\r\nConnection: close\r\n\r\n");
        var answer = await raw.ReadToEndAsync();
        Assert.True(answer.StartsWith("HTTP/1.1 400 ", StringComparison.Ordinal) || answer.Contains("x-request-id: req_", StringComparison.Ordinal), answer);
        Assert.DoesNotContain("script", answer, StringComparison.Ordinal);
        Assert.DoesNotContain("Set-Cookie", answer, StringComparison.OrdinalIgnoreCase);
    }

    [Fact]
    public async Task Nothing_that_a_client_sends_begins_a_line_of_the_log()
    {
        var log = Path.GetTempFileName();
        await using (var server = await RunningServer.StartAsync("--Serilog:MinimumLevel:Default", "Information", "--Serilog:WriteTo:0:Name", "File", "--Serilog:WriteTo:0:Args:path", log, "--Serilog:WriteTo:0:Args:shared", "true"))
        {
            foreach (var path in new[] { "/v1/x%0a2030-01-01T00:00:00 ERR forged", "/v1/jobs/x%0d%0aforged", "/v1/x%E2%80%A8forged", "/v1/x%1b[2Kforged", "/v1/x%C2%85forged", "/v1/x?api_key=forged" })
                foreach (var header in new[] { "x-request-id: a\tforged", "User-Agent: a\tforged", "X-Forwarded-For: 1.2.3.4 forged" })
                    using (var raw = await RawClient.SendAsync(server, $"GET {path.Replace(" ", "%20")} HTTP/1.1\r\nHost: 127.0.0.1\r\n{header}\r\nConnection: close\r\n\r\n"))
                        Assert.StartsWith("HTTP/1.1 4", await raw.ReadToEndAsync(), StringComparison.Ordinal);
            await server.ChatAsync("{\"model\":\"a\\nforged\",\"messages\":[{\"role\":\"user\",\"content\":\"a\\nforged\"}]}");
        }
        var lines = (await File.ReadAllTextAsync(log, TestContext.Current.CancellationToken)).Split(['\n', '\r', '\u0085', '\u2028']);
        File.Delete(log);
        Assert.Equal(15, lines.Count(line => line.Contains("forged", StringComparison.Ordinal)));
        Assert.All(lines.Where(line => line.Contains("forged", StringComparison.Ordinal)), line => Assert.Matches(@"^20\d\d-.* GET /v1/\S+ 40[04] in ", line));
        Assert.All(lines, line => Assert.DoesNotContain(line, char.IsControl));
    }

    [Fact]
    public async Task Connections_beyond_those_that_may_be_open_are_closed()
    {
        await using var server = await RunningServer.StartAsync("--Server:MaxConnections", "3");
        var idle = new List<RawClient>();
        for (var i = 0; i < 3; i++)
        {
            idle.Add(await RawClient.SendAsync(server, "GET /health/live HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n"));
            Assert.StartsWith("HTTP/1.1 200", await idle[^1].ReadLineAsync(), StringComparison.Ordinal);
        }
        using (var refused = await RawClient.SendAsync(server, "GET /health/live HTTP/1.1\r\nHost: 127.0.0.1\r\nConnection: close\r\n\r\n"))
            Assert.Equal("", await refused.ReadToEndAsync());
        idle.ForEach(client => client.Dispose());
        await Deadline.Until(async () =>
        {
            using var again = await RawClient.SendAsync(server, "GET /health/live HTTP/1.1\r\nHost: 127.0.0.1\r\nConnection: close\r\n\r\n");
            return (await again.ReadToEndAsync()).StartsWith("HTTP/1.1 200", StringComparison.Ordinal);
        });
    }

    [Theory]
    [InlineData("GET /{0} HTTP/1.1\r\nHost: a\r\n\r\n", 20_000, 414)]
    [InlineData("GET / HTTP/1.1\r\nHost: a\r\nX: {0}\r\n\r\n", 100_000, 431)]
    [InlineData("GET / HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n", 0, 400)]
    [InlineData("GET / HTTP/1.1\r\n\r\n", 0, 400)]
    [InlineData("POST /v1/ask HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\nContent-Length: 6\r\n\r\nhello!", 0, 400)]
    [InlineData("POST /v1/ask HTTP/1.1\r\nHost: a\r\nContent-Length: 99999999999999999999\r\n\r\n", 0, 400)]
    [InlineData("GARBAGE\r\n\r\n", 0, 400)]
    public async Task Heads_that_are_too_large_or_broken(string text, int length, int status)
    {
        using var raw = await RawClient.SendAsync(_server, text.Replace("{0}", new string('a', length)));
        Assert.StartsWith($"HTTP/1.1 {status} ", await raw.ReadToEndAsync(), StringComparison.Ordinal);
    }

    [Fact]
    public async Task Hundreds_of_header_lines()
    {
        var lines = string.Concat(Enumerable.Range(0, 500).Select(i => $"X-{i}: a\r\n"));
        using var raw = await RawClient.SendAsync(_server, $"GET / HTTP/1.1\r\nHost: 127.0.0.1\r\n{lines}\r\n");
        Assert.StartsWith("HTTP/1.1 431 ", await raw.ReadToEndAsync(), StringComparison.Ordinal);
    }

    private Task<Reply> PostFormAsync(string body)
    {
        var content = new ByteArrayContent(Encoding.Latin1.GetBytes(body));
        content.Headers.ContentType = MediaTypeHeaderValue.Parse("multipart/form-data; boundary=b");
        return _server.PostAsync("/v1/ask", content);
    }
}
