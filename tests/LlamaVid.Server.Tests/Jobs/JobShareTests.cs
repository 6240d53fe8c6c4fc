using System.Text;
using LlamaVid.Server.Tests.Http;
using LlamaVid.Server.Tests.Security;

namespace LlamaVid.Server.Tests.Jobs;

/// <summary>What one owner has in the background is bound by the same shares as what it waits for, and keeps nobody else from theirs.</summary>
public sealed class JobShareTests : IDisposable
{
    private readonly JobsFolder _folder = new();

    [Theory]
    [InlineData("1")]
    [InlineData("2")]
    public async Task An_owner_whose_share_of_the_line_is_used_up_waits_and_others_do_not(string together)
    {
        await using var video = await HeldVideo.StartAsync();
        var keys = new Keys();
        var (busy, other) = (keys.Add("busy"), keys.Add("other"));
        await using var server = await _folder.StartAsync([.. keys.Options, .. HeldVideo.Allowed, "--Engine:MaxRequestsPerClient", "1", "--Jobs:MaxRunning", together]);
        var waitedFor = Keys.AskAsync(server, "POST", "/v1/chat/completions", busy, Json(Clips.Chat("\"max_tokens\":1", video.Url)));
        await video.Asked;

        var kept = new List<string>();
        for (var i = 0; i < 4; i++) kept.Add(await AcceptedAsync(busy));
        var others = await EndedAsync(other, await AcceptedAsync(other));
        var still = await Task.WhenAll(kept.Select(async id => await StatusAsync(busy, id)));
        video.Release();

        Assert.Equal("completed", others);
        Assert.DoesNotContain("completed", still);
        Assert.Equal(200, (await waitedFor).Status);
        foreach (var id in kept) Assert.Equal("completed", await EndedAsync(busy, id));

        async Task<string> AcceptedAsync(string key)
        {
            var reply = await Keys.AskAsync(server, "POST", "/v1/chat/completions", key, Json(JobsFolder.Body()));
            Assert.Equal(202, reply.Status);
            return reply.Json.GetProperty("id").GetString()!;
        }

        async Task<string> StatusAsync(string key, string id) => JobsFolder.Status((await Keys.AskAsync(server, "GET", $"/v1/jobs/{id}", key)).Json);

        async Task<string> EndedAsync(string key, string id)
        {
            string status = "";
            await Deadline.Until(async () => (status = await StatusAsync(key, id)) is not ("queued" or "running"));
            return status;
        }
    }

    [Fact]
    public async Task A_batch_takes_room_of_the_jobs_until_it_has_ended()
    {
        await using var video = await HeldVideo.StartAsync();
        await using var server = await _folder.StartAsync([.. HeldVideo.Allowed, "--Jobs:MaxMegabytes", "1"]);
        string[] large = [BatchTests.Line("held", Clips.Chat("\"max_tokens\":1", video.Url)), .. Enumerable.Repeat(new string(' ', 70_000), 10)];
        var first = await BatchTests.CreatedAsync(server, large);
        var file = (await server.GetAsync($"/v1/batches/{first}")).Json.GetProperty("input_file_id").GetString()!;

        var refused = await server.PostAsync("/v1/batches", Json(BatchTests.Order(file)));
        video.Release();
        await BatchTests.EndedAsync(server, first);

        Assert.Equal((507, true), (refused.Status, refused.Error.GetProperty("message").GetString()!.Contains("Jobs:MaxMegabytes", StringComparison.Ordinal)));
        await Deadline.Until(async () => (await server.PostAsync("/v1/batches", Json(BatchTests.Order(file)))).Status == 200);
    }

    public void Dispose() => _folder.Dispose();

    private static StringContent Json(string body) => new(body, Encoding.UTF8, "application/json");
}
