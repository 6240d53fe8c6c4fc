using System.Net;
using LlamaVid.Server.Security;
using LlamaVid.Server.Tests.Http;
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
