using System.Diagnostics;
using LlamaVid.Server.Requests;
using LlamaVid.Server.Tests.Http;

namespace LlamaVid.Server.Tests.Security;

/// <summary>Many clients that only take up room: honest ones beside them are answered.</summary>
public sealed class CrowdTests
{
    private const string Short = """{"messages":[{"role":"user","content":"Hi"}],"max_tokens":1}""";

    [Fact]
    public async Task Slow_clients_do_not_block_others_and_are_sent_away()
    {
        await using var server = await RunningServer.StartAsync("--Server:RequestHeadersTimeout", "00:00:01");
        var slow = new List<RawClient>();
        for (var i = 0; i < 60; i++)
        {
            slow.Add(await RawClient.SendAsync(server, "GET /v1/models HTTP/1.1\r\nHost: 127.0.0.1\r\nX-Slow: "));
            slow.Add(await RawClient.SendAsync(server, "POST /v1/chat/completions HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Type: application/json\r\nContent-Length: 100000000\r\n\r\n{"));
        }

        for (var i = 0; i < 20; i++) Assert.Equal(200, (await server.ChatAsync(Short)).Status);

        foreach (var client in slow)
        {
            Assert.Matches("^(HTTP/1.1 (408|400) |$)", (await client.ReadToEndAsync()).Split('\n')[0]);
            client.Dispose();
        }
        Assert.Equal(200, (await server.ChatAsync(Short)).Status);
    }

    [Fact]
    public async Task Bodies_take_no_more_memory_than_there_is_for_them()
    {
        await using var server = await RunningServer.StartAsync("--Server:MaxBufferedBytes", "1000000");
        Assert.Equal(200, (await server.ChatAsync(Short)).Status);
        const string Head = "POST /v1/chat/completions HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Type: application/json\r\nContent-Length: 990000\r\n\r\n";
        using (var large = await RawClient.SendAsync(server, Head + new string(' ', 300_000)))
        {
            await Deadline.Until(() => server.Part<BodyBudget>().Held == 990_000);
            await large.WriteAsync(new string(' ', 100_000));           // fast enough to be waited for
            var refused = await server.ChatAsync(Short + new string(' ', 50_000));
            Assert.Equal((503, "engine_overloaded", "5"), (refused.Status, refused.Code, refused.Headers["Retry-After"]));
            Assert.Equal(200, (await server.ChatAsync(Short)).Status);
        }
        await Deadline.Until(async () => (await server.ChatAsync(Short + new string(' ', 50_000))).Status == 200);
    }

    [Fact]
    public async Task Streams_that_wait_leave_room_for_a_burst_and_the_burst_for_the_honest() => await CrowdAsync(streams: 40, burst: 200);

    [Fact(Explicit = true)]
    public async Task A_thousand_idle_streams_and_a_burst_of_five_thousand() => await CrowdAsync(streams: 1000, burst: 5000);

    /// <summary>A crowd fills the line with streams and then sends a burst; every request gets an answer, and one that says when to come back where it is refused.</summary>
    private static async Task CrowdAsync(int streams, int burst)
    {
        var keys = new Keys();
        var (crowd, honest) = (keys.Add("crowd"), keys.Add("honest", ("Rights", "Generate, Metrics")));
        await using var server = await RunningServer.StartAsync([
            .. keys.Options, "--Engine:MaxWaitingRequests", $"{streams + 100}", "--Engine:MaxRequestsPerClient", $"{streams}", "--Server:KeepAlive", "00:00:01", "--Engine:KvCacheTokens", "2048"]);
        var before = Process.GetCurrentProcess().WorkingSet64;
        var open = await Task.WhenAll(Enumerable.Range(0, streams).Select(_ => server.StreamAsync(crowd)));

        var (replies, live) = (Enumerable.Range(0, burst).Select(_ => Keys.ChatAsync(server, crowd)).ToArray(), 0);
        for (; replies.Count(reply => reply.IsCompleted) < burst * 9 / 10; live++)       // the others have taken places that streams left, and wait
        {
            Assert.Equal(200, (await Keys.AskAsync(server, "GET", "/health/live", null)).Status);
            await Task.Delay(50, TestContext.Current.CancellationToken);
        }
        foreach (var stream in open) stream.Dispose();
        var answered = await Task.WhenAll(replies);

        Assert.All(answered, reply => Assert.True(reply.Status is 200 or 429 && (reply.Status == 200 || reply.Headers.ContainsKey("Retry-After")), $"{reply.Status}: {reply.Text}"));
        TestContext.Current.SendDiagnosticMessage(
            $"{streams} streams, {burst} requests: {answered.Count(reply => reply.Status == 200)} answered, {answered.Count(reply => reply.Status == 429)} refused, " +
            $"{live} probes meanwhile, {(Process.GetCurrentProcess().WorkingSet64 - before) >> 20} MB more for both sides");
        await Deadline.Until(async () => (await Keys.ChatAsync(server, honest)).Status == 200);
        Assert.InRange((Process.GetCurrentProcess().WorkingSet64 - before) >> 20, long.MinValue, 500 + (streams + burst) / 5);
    }
}
