using System.Text.Json;
using LlamaVid.Server.Tests.Http;

namespace LlamaVid.Server.Tests.Security;

/// <summary>Bodies that the web server itself refuses, over a raw socket: the answer is an error like any other.</summary>
[Collection(nameof(DefaultServer))]
public sealed class RefusedBodyTests(DefaultServer fixture)
{
    private const string Head = "POST /v1/chat/completions HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Type: application/json\r\nConnection: close\r\n";

    [Theory]
    [InlineData("Content-Length: 90000000000\r\n\r\n{", 413, "payload_too_large")]
    [InlineData("Content-Length: 1000\r\n\r\n{", 408, "request_timeout")]
    [InlineData("Transfer-Encoding: chunked\r\n\r\nzz\r\n{", 400, "malformed_request")]
    [InlineData("Transfer-Encoding: chunked\r\n\r\nFFFFFFFFFFFFFFFF\r\n{", 400, "malformed_request")]
    [InlineData("Transfer-Encoding: chunked\r\n\r\n5\r\n{", 408, "request_timeout")]
    public async Task Bodies_that_are_too_large_too_slow_or_broken(string rest, int status, string code)
    {
        using var raw = await RawClient.SendAsync(fixture.Server, Head + rest);
        var answer = await raw.ReadToEndAsync();
        Assert.StartsWith($"HTTP/1.1 {status} ", answer, StringComparison.Ordinal);
        var body = answer[(answer.IndexOf("\r\n\r\n", StringComparison.Ordinal) + 4)..];
        var error = JsonElement.Parse(body[body.IndexOf('{')..(body.LastIndexOf('}') + 1)]).GetProperty("error");
        Assert.Equal(code, error.GetProperty("code").GetString());
    }
}
