using System.Text.Json;
using LlamaVid.Server.Tests.Jobs;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Hosting;
using Microsoft.AspNetCore.Http;
using Microsoft.Extensions.Logging;
using static LlamaVid.Server.Tests.Jobs.JobsFolder;

namespace LlamaVid.Server.Tests.Http;

/// <summary>A disk without a byte of room: what needs it is refused and leaves nothing, everything else goes on, and what was taken before is neither lost nor done twice.</summary>
public sealed class FullDiskTests
{
    /// <summary>The clip and, as MP4 lets it, two megabytes of nothing.</summary>
    private static readonly byte[] Large = [.. Clips.Bytes, 0, 0x20, 0, 8, .. "free"u8, .. new byte[2 << 20]];

    [Fact]
    public async Task Requests_that_need_room_are_refused_and_leave_nothing_and_the_others_are_answered()
    {
        using var disk = await SmallDisk.MountAsync();
        await using var server = await StartAsync(disk);
        var file = Id(await UploadAsync(server, Large));
        var upload = Id(await PostAsync(server, "/v1/uploads", $$"""{"filename":"a.mp4","bytes":{{Clips.Bytes.Length}},"purpose":"vision"}"""));
        var first = Id(await PartAsync(server, upload, Clips.Bytes[..1000]));
        var batch = Id(await UploadAsync(server, "{}\n"u8.ToArray(), purpose: "batch"));
        await EndedAsync(server, await AcceptedAsync(server, Body()));
        var documented = (await server.GetAsync("/openapi/v1.json")).Json.GetProperty("paths");
        disk.Fill();

        foreach (var (path, ask) in new (string, Func<Task<Reply>>)[]
        {
            ("/v1/files", () => UploadAsync(server, Large)),
            ("/v1/files", () => UploadAsync(server, [.. Clips.Bytes, 0])),
            ("/v1/uploads", () => PostAsync(server, "/v1/uploads", """{"filename":"b.mp4","bytes":9,"purpose":"vision"}""")),
            ("/v1/uploads/{id}/parts", () => PartAsync(server, upload, Clips.Bytes[1000..])),
            ("/v1/ask", () => server.PostAsync("/v1/ask", Clips.Form(Clips.Bytes, ("question", "What?")))),
            ("/v1/ask", () => server.PostAsync("/v1/ask", Clips.Form(Large, ("question", "What?"), ("stream", "true")))),
            ("/v1/ask", () => server.PostAsync("/v1/ask", Clips.Form(Clips.Bytes, ("question", "What?"), ("background", "true")))),
            ("/v1/chat/completions", () => server.ChatAsync(Clips.Chat())),
            ("/v1/chat/completions", () => server.ChatAsync(Clips.Chat("\"stream\":true"))),
            ("/v1/chat/completions", () => server.ChatAsync(Body())),
            ("/v1/estimate", () => PostAsync(server, "/v1/estimate", Clips.Chat())),
            ("/v1/batches", () => PostAsync(server, "/v1/batches", $$"""{"input_file_id":"{{batch}}","endpoint":"/v1/chat/completions","completion_window":"24h"}""")),
        })
        {
            var reply = await ask();
            Assert.True((507, "insufficient_storage") == (reply.Status, reply.Status == 507 ? reply.Code : ""), $"{path}: {reply.Status} {reply.Text}");
            Assert.Equal(("server_error", "false"), (reply.Error.GetProperty("type").GetString(), reply.Headers["x-should-retry"]));
            Assert.True(documented.GetProperty(path).GetProperty("post").GetProperty("responses").TryGetProperty("507", out _), path);
        }

        Assert.Equal(200, (await server.GetAsync("/health/ready")).Status);
        Assert.Equal(200, (await server.ChatAsync("""{"messages":[{"role":"user","content":"Hi"}],"max_tokens":4}""")).Status);
        Assert.Equal(200, (await server.ChatAsync(About(file))).Status);
        Assert.Equal(Large.Length, (await server.Http.GetByteArrayAsync($"/v1/files/{file}/content", TestContext.Current.CancellationToken)).Length);
        await Deadline.Until(() => disk.Left("temporary").Length == 0);
        Assert.Equal((0, 2, 1), (disk.Left("files/incoming").Length, disk.Left("files/bytes").Length, disk.Left("files/parts").Length));
        Assert.Empty(disk.Left("jobs"));
        Assert.DoesNotContain(disk.Left("features"), path => path.EndsWith(".tmp", StringComparison.Ordinal));

        using (var deleted = await server.Http.DeleteAsync($"/v1/files/{file}", TestContext.Current.CancellationToken))
            Assert.Equal(200, (int)deleted.StatusCode);                         // even deleting writes a little
        Assert.Equal(200, (await UploadAsync(server, Clips.Bytes)).Status);     // in the room that has come free
        disk.Free();
        var second = Id(await PartAsync(server, upload, Clips.Bytes[1000..]));
        var complete = await PostAsync(server, $"/v1/uploads/{upload}/complete", $$"""{"part_ids":["{{first}}","{{second}}"]}""");
        Assert.Equal("completed", complete.Json.GetProperty("status").GetString());
        Assert.Equal((await server.ChatAsync(Clips.Chat())).Answer, (await server.ChatAsync(About(complete.Json.GetProperty("file").GetProperty("id").GetString()!))).Answer);
        Assert.Equal("completed", Status(await EndedAsync(server, await AcceptedAsync(server, Body()))));
    }

    [Fact]
    public async Task A_job_that_ends_on_a_full_disk_is_kept_until_its_end_can_be_written()
    {
        using var disk = await SmallDisk.MountAsync();
        await using var video = await HeldVideo.StartAsync();
        await using var server = await RunningServer.StartAsync([.. HeldVideo.Allowed, "--Jobs:Path", disk.Folder("jobs")]);
        var id = await AcceptedAsync(server, Body(url: video.Url));
        await video.Asked;
        disk.Fill();
        video.Release();

        using (var request = new HttpRequestMessage(HttpMethod.Get, $"/v1/jobs/{id}/events"))
        using (var response = await server.Http.SendAsync(request, HttpCompletionOption.ResponseHeadersRead, TestContext.Current.CancellationToken))
        using (var lines = new StreamReader(await response.Content.ReadAsStreamAsync(TestContext.Current.CancellationToken)))
            while (await lines.ReadLineAsync(TestContext.Current.CancellationToken) is { } line && !line.Contains("\"finish_reason\":\"", StringComparison.Ordinal))
                Assert.NotEqual("data: [DONE]", line);
        var cancelled = await server.Http.DeleteAsync($"/v1/jobs/{id}", TestContext.Current.CancellationToken);
        Assert.Equal((507, "running"), ((int)cancelled.StatusCode, Status((await server.GetAsync($"/v1/jobs/{id}")).Json)));
        disk.Free();

        var job = await EndedAsync(server, id);
        Assert.Equal(("completed", 1), (Status(job), job.GetProperty("attempts").GetInt32()));
    }

    [Fact]
    public async Task A_webhook_that_is_heard_on_a_full_disk_is_told_again_and_the_server_lives()
    {
        using var disk = await SmallDisk.MountAsync();
        var (told, heard) = (0, new TaskCompletionSource());
        await using var receiver = await ReceiverAsync(async () =>
        {
            Interlocked.Increment(ref told);
            await heard.Task;
        });
        await using var server = await RunningServer.StartAsync([.. HeldVideo.Allowed, "--Jobs:Path", disk.Folder("jobs"), "--Jobs:WebhookDelay", "00:00:00.010"]);
        var id = await AcceptedAsync(server, Body($$"""
            "max_tokens":4,"webhook":{"url":"{{receiver.Urls.First()}}"}
            """));
        await Deadline.Until(() => told == 1);
        disk.Fill();
        heard.SetResult();

        await Deadline.Until(() => told > 2);
        disk.Free();
        await Deadline.Until(async () => (await server.GetAsync($"/v1/jobs/{id}")).Json.GetProperty("webhook").GetProperty("status").GetString() == "delivered");
    }

    private static Task<RunningServer> StartAsync(SmallDisk disk) => RunningServer.StartAsync(
        "--Files:Path", disk.Folder("files"), "--Media:TempDirectory", disk.Folder("temporary"), "--Jobs:Path", disk.Folder("jobs"), "--Engine:FeatureStorePath", disk.Folder("features"));

    private static Task<Reply> PostAsync(RunningServer server, string path, string json) => server.PostAsync(path, new StringContent(json, null, "application/json"));

    private static Task<Reply> UploadAsync(RunningServer server, byte[] bytes, string purpose = "vision") =>
        server.PostAsync("/v1/files", new MultipartFormDataContent { { new StringContent(purpose), "purpose" }, { new ByteArrayContent(bytes), "file", "a" } });

    private static Task<Reply> PartAsync(RunningServer server, string upload, byte[] bytes) =>
        server.PostAsync($"/v1/uploads/{upload}/parts", new MultipartFormDataContent { { new ByteArrayContent(bytes), "data", "part" } });

    private static string About(string file) =>
        $$$"""{"messages":[{"role":"user","content":[{"type":"file","file":{"file_id":"{{{file}}}"}},{"type":"text","text":"What happens in the video?"}]}],"max_tokens":8,"temperature":0}""";

    private static string Id(Reply reply)
    {
        Assert.True(reply.Status == 200, reply.Text);
        return reply.Json.GetProperty("id").GetString()!;
    }

    private static async Task<WebApplication> ReceiverAsync(Func<Task> told)
    {
        var builder = WebApplication.CreateSlimBuilder();
        builder.Logging.ClearProviders();
        builder.WebHost.UseUrls("http://127.0.0.1:0");
        var app = builder.Build();
        app.MapPost("/", async () =>
        {
            await told();
            return Results.NoContent();
        });
        await app.StartAsync();
        return app;
    }
}
