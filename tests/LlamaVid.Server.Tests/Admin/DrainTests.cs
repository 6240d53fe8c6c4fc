using System.Text;
using System.Text.Json;
using LlamaVid.Engine;
using LlamaVid.Server.Tests.Http;
using LlamaVid.Server.Tests.Jobs;
using LlamaVid.Server.Tests.Security;
using LlamaVid.Server.Tests.Telemetry;

namespace LlamaVid.Server.Tests.Admin;

/// <summary>A drained server ends what it has taken, takes nothing more, and loses nothing; a resumed one goes on as if nothing had been.</summary>
public sealed class DrainTests : IDisposable
{
    private const string Ready = "/health/ready";

    private readonly JobsFolder _folder = new();

    [Fact]
    public async Task What_was_taken_is_answered_to_its_end_and_nothing_more_is_taken()
    {
        await using var video = await HeldVideo.StartAsync();
        await using var server = await RunningServer.StartAsync([.. HeldVideo.Allowed, "--Engine:MaxRunningSequences", "1"]);
        using var stream = await server.StreamAsync();
        var waiting = server.ChatAsync(Clips.Chat("\"max_tokens\":4", video.Url));
        await video.Asked;

        for (var i = 0; i < 2; i++)
        {
            var drained = await DrainAsync(server);
            Assert.Equal("draining", drained.GetProperty("status").GetString());
            Assert.InRange(drained.GetProperty("requests").EnumerateObject().Sum(count => count.Value.GetInt32()), 1, 2);      // the stream may have ended by now
        }
        var refusals = new[]
        {
            await server.GetAsync(Ready), await server.ChatAsync(Clips.Chat()), await server.PostAsync("/v1/ask", Clips.Form(Clips.Bytes, ("question", "?"))),
            await server.PostAsync("/v1/estimate", new StringContent(Clips.Chat(), null, "application/json")),
        };
        Assert.All(refusals, refused => Assert.Equal((503, "engine_draining", true), (refused.Status, refused.Code, refused.Headers.ContainsKey("Retry-After"))));
        Assert.Equal(200, (await server.GetAsync("/health/live")).Status);
        Assert.Equal((0, 1), (await Scrape.OfAsync(server) is var scrape ? scrape["llamavid_ready"] : -1, scrape["llamavid_draining"]));

        Assert.EndsWith("data: [DONE]\n\n", await stream.Content.ReadAsStringAsync(TestContext.Current.CancellationToken), StringComparison.Ordinal);
        video.Release();
        Assert.Equal(200, (await waiting).Status);
        await Deadline.Until(async () => (await DrainAsync(server)).GetProperty("status").GetString() == "drained");

        for (var i = 0; i < 2; i++)
            Assert.Equal("ready", (await server.PostAsync("/admin/resume", Nothing)).Json.GetProperty("status").GetString());
        Assert.Equal(200, (await server.GetAsync(Ready)).Status);
        Assert.Equal(200, (await server.ChatAsync(Clips.Chat("\"max_tokens\":4"))).Status);
        Assert.Equal((1, 0), (await Scrape.OfAsync(server) is var after ? after["llamavid_ready"] : -1, after["llamavid_draining"]));
    }

    [Fact]
    public async Task Jobs_that_have_not_begun_wait_for_the_end_of_the_drain()
    {
        await using var video = await HeldVideo.StartAsync();
        await using var server = await _folder.StartAsync([.. HeldVideo.Allowed, "--Jobs:MaxRunning", "1"]);
        var running = await JobsFolder.AcceptedAsync(server, JobsFolder.Body(url: video.Url));
        await video.Asked;
        var waiting = await JobsFolder.AcceptedAsync(server, JobsFolder.Body());

        await DrainAsync(server);
        var refused = await server.ChatAsync(JobsFolder.Body());
        Assert.Equal((503, "engine_draining"), (refused.Status, refused.Code));
        video.Release();
        Assert.Equal("completed", JobsFolder.Status(await JobsFolder.EndedAsync(server, running)));
        await Deadline.Until(async () => (await DrainAsync(server)).GetProperty("status").GetString() == "drained");
        var held = (await server.GetAsync($"/v1/jobs/{waiting}?wait=0.5")).Json;
        Assert.Equal("queued", JobsFolder.Status(held));

        await server.PostAsync("/admin/resume", Nothing);
        var ended = await JobsFolder.EndedAsync(server, waiting);
        Assert.Equal(("completed", 1), (JobsFolder.Status(ended), ended.GetProperty("attempts").GetInt32()));
    }

    [Fact]
    public async Task Lines_of_a_batch_wait_for_the_end_of_the_drain_and_a_restart_ends_it()
    {
        string batch;
        await using (var server = await _folder.StartAsync())
        {
            var file = await UploadedAsync(server, Enumerable.Range(0, 3));
            await DrainAsync(server);
            Assert.Equal((503, "engine_draining"), (await CreateAsync(server, file) is var refused ? refused.Status : 0, refused.Code));
            await server.PostAsync("/admin/resume", Nothing);
            batch = (await CreateAsync(server, file)).Json.GetProperty("id").GetString()!;
            await DrainAsync(server);
            await Deadline.Until(async () => (await DrainAsync(server)).GetProperty("status").GetString() == "drained");
        }
        await using (var server = await _folder.StartAsync())
        {
            Assert.Equal(200, (await server.GetAsync(Ready)).Status);
            JsonElement ended = default;
            await Deadline.Until(async () => (ended = (await server.GetAsync($"/v1/batches/{batch}")).Json).GetProperty("status").GetString() == "completed");
            Assert.Equal((3, 0), (ended.GetProperty("request_counts").GetProperty("completed").GetInt32(), ended.GetProperty("request_counts").GetProperty("failed").GetInt32()));
        }
    }

    [Fact]
    public async Task Only_a_key_with_the_right_drains()
    {
        var keys = new Keys();
        var (admin, asking) = (keys.Add("admin", ("Rights", "Admin")), keys.Add("asking", ("Rights", "Generate, Files, Metrics")));
        await using var server = await RunningServer.StartAsync(keys.Options);
        foreach (var path in new[] { "/admin/drain", "/admin/resume" })
        {
            Assert.Equal(403, (await Keys.AskAsync(server, "POST", path, asking)).Status);
            Assert.Equal(405, (await Keys.AskAsync(server, "GET", path, admin)).Status);
        }
        Assert.Equal(EngineState.Ready, server.Engine.Engine.State);
        Assert.Equal("drained", (await Keys.AskAsync(server, "POST", "/admin/drain", admin)).Json.GetProperty("status").GetString());
    }

    [Fact]
    public async Task Without_keys_a_server_that_others_reach_cannot_be_drained()
    {
        await using var server = await RunningServer.StartAsync("--Security:AllowAnonymous", "true");
        Assert.Equal(403, (await server.PostAsync("/admin/drain", Nothing)).Status);
    }

    [Fact]
    public async Task A_server_that_stops_is_not_resumed()
    {
        await using var server = await RunningServer.StartAsync();
        server.Engine.Engine.Drain();
        var refused = await server.PostAsync("/admin/resume", Nothing);
        Assert.Equal((503, "engine_draining"), (refused.Status, refused.Code));
        Assert.Equal(503, (await server.GetAsync(Ready)).Status);
    }

    public void Dispose() => _folder.Dispose();

    private static StringContent Nothing => new("");

    private static async Task<JsonElement> DrainAsync(RunningServer server)
    {
        var reply = await server.PostAsync("/admin/drain", Nothing);
        Assert.Equal(200, reply.Status);
        return reply.Json;
    }

    private static async Task<string> UploadedAsync(RunningServer server, IEnumerable<int> lines)
    {
        var text = string.Join('\n', lines.Select(line => $$"""{"custom_id":"{{line}}","method":"POST","url":"/v1/chat/completions","body":{{Clips.Chat("\"max_tokens\":4")}}}"""));
        using var form = new MultipartFormDataContent { { new StringContent("batch"), "purpose" }, { new ByteArrayContent(Encoding.UTF8.GetBytes(text)), "file", "in.jsonl" } };
        return (await server.PostAsync("/v1/files", form)).Json.GetProperty("id").GetString()!;
    }

    private static Task<Reply> CreateAsync(RunningServer server, string file) => server.PostAsync("/v1/batches", new StringContent(
        $$"""{"input_file_id":"{{file}}","endpoint":"/v1/chat/completions","completion_window":"24h"}""", null, "application/json"));
}
