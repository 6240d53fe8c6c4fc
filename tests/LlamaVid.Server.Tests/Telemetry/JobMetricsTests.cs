using System.Text.Json;
using LlamaVid.Server.Tests.Http;
using LlamaVid.Server.Tests.Jobs;
using static LlamaVid.Server.Tests.Jobs.JobsFolder;

namespace LlamaVid.Server.Tests.Telemetry;

/// <summary>The metrics of background work agree with what a client sent and was told.</summary>
public sealed class JobMetricsTests : IDisposable
{
    private readonly JobsFolder _folder = new();

    [Fact]
    public async Task Jobs_are_counted_while_they_run_and_when_they_have_ended()
    {
        await using var video = await HeldVideo.StartAsync();
        await using var server = await _folder.StartAsync([.. HeldVideo.Allowed, "--Jobs:MaxRunning", "1"]);
        await EndedAsync(server, await AcceptedAsync(server, Body()));
        await EndedAsync(server, await AcceptedAsync(server, Body(url: "data:video/mp4;base64,AAAA")));
        var running = await AcceptedAsync(server, Body(url: video.Url));
        await video.Asked;
        var waiting = await AcceptedAsync(server, Body());

        var during = await Scrape.OfAsync(server);
        await server.Http.DeleteAsync($"/v1/jobs/{waiting}", TestContext.Current.CancellationToken);
        video.Release();
        await EndedAsync(server, running);
        await Deadline.Until(async () => (await Scrape.OfAsync(server))["llamavid_num_jobs_running"] == 0);
        var after = await Scrape.OfAsync(server);

        Assert.Equal((1, 1), (during["llamavid_num_jobs_running"], during["llamavid_num_jobs_waiting"]));
        Assert.Equal((1, 1, 0), (Ended(during, "completed"), Ended(during, "failed"), Ended(during, "cancelled")));
        Assert.Equal((0, 0), (after["llamavid_num_jobs_running"], after["llamavid_num_jobs_waiting"]));
        Assert.Equal((2, 1, 1), (Ended(after, "completed"), Ended(after, "failed"), Ended(after, "cancelled")));
        Assert.True(after["llamavid_job_bytes"] > 0);
        foreach (var job in (await server.GetAsync("/v1/jobs")).Json.GetProperty("data").EnumerateArray())
            await server.Http.DeleteAsync($"/v1/jobs/{job.GetProperty("id").GetString()}", TestContext.Current.CancellationToken);
        Assert.Equal(0, (await Scrape.OfAsync(server))["llamavid_job_bytes"]);

        static double Ended(Scrape scrape, string status) => scrape[$"llamavid_jobs_total{{status=\"{status}\"}}"];
    }

    [Fact]
    public async Task Batches_their_lines_and_the_room_they_take_are_counted()
    {
        await using var video = await HeldVideo.StartAsync();
        await using var server = await _folder.StartAsync(HeldVideo.Allowed);
        var lines = $"{BatchTests.Line("held", Clips.Chat("\"max_tokens\":2", video.Url))}\n{{not json\n{BatchTests.Line("good", Clips.Chat("\"max_tokens\":2"))}\n";
        var batch = await BatchTests.CreatedAsync(server, lines.TrimEnd('\n').Split('\n'));
        await video.Asked;
        await Deadline.Until(async () => Lines(await Scrape.OfAsync(server), "completed") == 1);

        var during = await Scrape.OfAsync(server);
        video.Release();
        Assert.Equal("completed", Status(await BatchTests.EndedAsync(server, batch)));
        await Deadline.Until(async () => (await Scrape.OfAsync(server))["llamavid_num_batches"] == 0);
        var after = await Scrape.OfAsync(server);

        Assert.Equal((1, 1), (during["llamavid_num_batches"], Lines(during, "failed")));
        Assert.InRange(during["llamavid_job_bytes"], lines.Length + 200, lines.Length + 10_000);                // and two answers
        Assert.Equal((2, 1, 0), (Lines(after, "completed"), Lines(after, "failed"), after["llamavid_job_bytes"]));
        await Deadline.Until(async () => (await Scrape.OfAsync(server))["llamavid_batches_total{status=\"completed\"}"] == 1);

        static double Lines(Scrape scrape, string status) => scrape[$"llamavid_batch_lines_total{{status=\"{status}\"}}"];
    }

    [Fact]
    public async Task Messages_to_webhooks_are_counted_by_what_became_of_them()
    {
        await using var receiver = await WebhookTests.Receiver.StartAsync(attempt => attempt == 1 ? 500 : attempt == 2 ? 200 : 410);
        await using var server = await _folder.StartAsync([.. HeldVideo.Allowed, "--Jobs:WebhookDelay", "00:00:00.010"]);
        foreach (var result in new[] { "delivered", "failed" })
        {
            await AcceptedAsync(server, WebhookTests.Asking(receiver.Url, null));
            await Deadline.Until(async () => Sent(await Scrape.OfAsync(server), result) == 1);
        }
        Assert.Equal(1, Sent(await Scrape.OfAsync(server), "retried"));

        static double Sent(Scrape scrape, string result) => scrape[$"llamavid_webhooks_total{{result=\"{result}\"}}"];
    }

    public void Dispose() => _folder.Dispose();
}
