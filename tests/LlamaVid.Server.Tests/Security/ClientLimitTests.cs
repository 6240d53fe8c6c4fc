using LlamaVid.Server.Tests.Http;

namespace LlamaVid.Server.Tests.Security;

/// <summary>What one key has used up is not taken from another.</summary>
public sealed class ClientLimitTests
{
    [Fact]
    public async Task A_keys_pace_is_its_own()
    {
        var keys = new Keys();
        var (slow, free) = (keys.Add("slow", ("RequestsPerMinute", "3")), keys.Add("free"));
        await using var server = await RunningServer.StartAsync(keys.Options);

        for (var i = 0; i < 3; i++) Assert.Equal(200, (await Keys.AskAsync(server, "GET", "/v1/models", slow)).Status);
        var refused = await Keys.AskAsync(server, "GET", "/nope", slow);

        Assert.Equal((429, "rate_limit_exceeded", "rate_limit_error"), (refused.Status, refused.Code, refused.Error.GetProperty("type").GetString()));
        Assert.InRange(int.Parse(refused.Headers["Retry-After"]), 1, 20);
        Assert.Contains("3 requests per minute", refused.Text, StringComparison.Ordinal);
        Assert.Equal(200, (await Keys.AskAsync(server, "GET", "/v1/models", free)).Status);
        Assert.Equal(200, (await Keys.AskAsync(server, "GET", "/health/live", slow)).Status);
    }

    [Fact]
    public async Task A_keys_requests_at_a_time_are_its_own_and_streams_count()
    {
        var keys = new Keys();
        var (narrow, free) = (keys.Add("narrow", ("MaxConcurrent", "1")), keys.Add("free"));
        await using var server = await RunningServer.StartAsync(keys.Options);

        using (var stream = await server.StreamAsync(narrow))
        {
            var refused = await Keys.ChatAsync(server, narrow);
            Assert.Equal((429, "rate_limit_exceeded", "1"), (refused.Status, refused.Code, refused.Headers["Retry-After"]));
            Assert.Contains("MaxConcurrent", refused.Text, StringComparison.Ordinal);
            Assert.Equal(200, (await Keys.ChatAsync(server, free)).Status);
        }
        await Deadline.Until(async () => (await Keys.ChatAsync(server, narrow)).Status == 200);
    }

    [Fact]
    public async Task A_keys_share_of_the_engine_is_counted_by_its_name()
    {
        var keys = new Keys();
        var (one, other) = (keys.Add("one"), keys.Add("other"));
        await using var server = await RunningServer.StartAsync([.. keys.Options, "--Engine:MaxRequestsPerClient", "1"]);

        using var stream = await server.StreamAsync(one);

        var refused = await Keys.ChatAsync(server, one);
        Assert.Equal((429, true), (refused.Status, refused.Text.Contains("Engine:MaxRequestsPerClient", StringComparison.Ordinal)));
        Assert.Equal(200, (await Keys.ChatAsync(server, other)).Status);
    }
}
