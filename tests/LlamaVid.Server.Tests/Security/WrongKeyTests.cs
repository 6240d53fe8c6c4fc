using System.Net;
using LlamaVid.Server.Security;
using LlamaVid.Server.Tests.Http;
using Microsoft.AspNetCore.Http;
using Microsoft.Extensions.Time.Testing;

namespace LlamaVid.Server.Tests.Security;

/// <summary>Whoever tries keys is slowed down; whoever has one is not.</summary>
public sealed class WrongKeyTests
{
    private static readonly IPAddress Here = IPAddress.Parse("192.0.2.1");

    [Fact]
    public async Task Too_many_wrong_keys_are_told_to_wait_and_the_right_one_beside_them_is_taken()
    {
        var keys = new Keys();
        var right = keys.Add("right", ("Rights", "Generate, Metrics"));
        await using var server = await RunningServer.StartAsync([.. keys.Options, "--Security:WrongKeysPerMinute", "5"]);

        var statuses = new List<int>();
        Reply refused;
        do
        {
            refused = await Keys.AskAsync(server, "GET", statuses.Count % 2 == 0 ? "/metrics" : "/nope", $"wrong-{statuses.Count}");
            statuses.Add(refused.Status);
        }
        while (refused.Status == 401 && statuses.Count < 1000);

        Assert.Equal(5, statuses.Take(5).Count(status => status == 401));
        Assert.Equal((429, "rate_limit_exceeded"), (refused.Status, refused.Code));
        Assert.InRange(int.Parse(refused.Headers["Retry-After"]), 1, 12);
        Assert.False(refused.Headers.ContainsKey("WWW-Authenticate"));
        Assert.Equal((200, 200), ((await Keys.ChatAsync(server, right)).Status, (await Keys.AskAsync(server, "GET", "/metrics", right)).Status));
        Assert.Equal(401, (await Keys.AskAsync(server, "GET", "/v1/models", null)).Status);       // no key is no try
        Assert.Equal(200, (await Keys.AskAsync(server, "GET", "/health/live", "wrong")).Status);
    }

    /// <summary>Whoever has an IPv6 address has a whole network of them, and takes another for each try.</summary>
    [Fact]
    public async Task Wrong_keys_from_all_addresses_of_one_network_count_together()
    {
        var keys = new Keys();
        keys.Add("right");
        await using var server = await RunningServer.StartAsync([.. keys.Options, "--Security:WrongKeysPerMinute", "5", "--Security:TrustedProxies:0", "127.0.0.0/8"]);

        var (status, tries) = (401, 0);
        for (; status == 401 && tries < 100; tries++) status = await FromAsync($"2001:db8:1:1:{tries:x}::{tries + 1:x}");

        Assert.Equal(429, status);
        Assert.Contains(401, (int[])[await FromAsync("2001:db8:1:2::1"), await FromAsync("2001:db8:1:3::1")]);        // one of them, at least, shares no place with the first

        async Task<int> FromAsync(string address)
        {
            using var request = new HttpRequestMessage(HttpMethod.Get, "/v1/models") { Headers = { Authorization = new("Bearer", "wrong") } };
            request.Headers.Add("X-Forwarded-For", address);
            using var response = await server.Http.SendAsync(request, TestContext.Current.CancellationToken);
            return (int)response.StatusCode;
        }
    }

    [Theory]
    [InlineData("2001:db8:1:1::1", "2001:db8:1:1:ffff:ffff:ffff:ffff", true)]
    [InlineData("2001:db8:1:1::1", "2001:db8:1:2::1", false)]
    [InlineData("::ffff:192.0.2.1", "192.0.2.1", true)]                  // as a socket for both has it
    [InlineData("::ffff:192.0.2.1", "::ffff:192.0.2.2", false)]
    [InlineData("192.0.2.1", "192.0.2.2", false)]
    public void Addresses_that_have_one_share(string one, string other, bool isOne)
    {
        Assert.Equal(isOne, ClientIdentity.ShareOf(From(one)) == ClientIdentity.ShareOf(From(other)));

        static DefaultHttpContext From(string address) => new() { Connection = { RemoteIpAddress = IPAddress.Parse(address) } };
    }

    [Fact]
    public void The_pace_is_refilled_evenly_and_waiting_is_not_spent()
    {
        var time = new FakeTimeProvider();
        var wrong = new WrongKeys(6, time);
        Assert.All(Enumerable.Range(0, 6), _ => Assert.Null(wrong.Book(Here)));
        Assert.All(Enumerable.Range(0, 100), _ => Assert.Equal(10, wrong.Book(Here)!.Value.TotalSeconds, 1e-6));
        time.Advance(TimeSpan.FromSeconds(10.1));
        Assert.Null(wrong.Book(Here));
        Assert.NotNull(wrong.Book(Here));
        Assert.Null(wrong.Book(IPAddress.Parse("198.51.100.7")) ?? wrong.Book(IPAddress.Parse("198.51.100.8")));       // one of them, at least, shares no place with the first
    }

    [Fact]
    public void A_million_addresses_take_no_memory()
    {
        var wrong = new WrongKeys(6, TimeProvider.System);
        var before = GC.GetAllocatedBytesForCurrentThread();
        var addresses = Enumerable.Range(0, 1000).Select(i => new IPAddress(i)).ToArray();
        var made = GC.GetAllocatedBytesForCurrentThread();
        for (var round = 0; round < 1000; round++)
            foreach (var address in addresses) wrong.Book(address);
        Assert.InRange(GC.GetAllocatedBytesForCurrentThread() - made, 0, made - before);
    }
}
