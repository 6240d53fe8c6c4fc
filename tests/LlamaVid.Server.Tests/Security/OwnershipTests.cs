using System.Net.Http.Headers;
using System.Text;
using LlamaVid.Server.Tests.Http;
using LlamaVid.Server.Tests.Jobs;

namespace LlamaVid.Server.Tests.Security;

/// <summary>What one key has uploaded does not exist for another, however it is asked for; and files ask for the right of that name.</summary>
public sealed class OwnershipTests
{
    [Fact]
    public async Task Files_are_their_keys()
    {
        var folder = Directory.CreateTempSubdirectory("lv");
        var keys = new Keys();
        var (mine, other, asking) = (keys.Add("mine"), keys.Add("other"), keys.Add("asking", ("Rights", "Generate")));
        await using (var server = await RunningServer.StartAsync([.. keys.Options, "--Files:Path", folder.FullName]))
        {
            var uploaded = await Keys.AskAsync(server, "POST", "/v1/files", mine, Upload());
            Assert.Equal(200, uploaded.Status);
            var id = uploaded.Json.GetProperty("id").GetString()!;

            foreach (var (method, path) in new[] { ("GET", $"/v1/files/{id}"), ("GET", $"/v1/files/{id}/content"), ("DELETE", $"/v1/files/{id}") })
            {
                Assert.Equal(404, (await Keys.AskAsync(server, method, path, other)).Status);
                Assert.Equal(403, (await Keys.AskAsync(server, method, path, asking)).Status);
            }
            Assert.Equal(403, (await Keys.AskAsync(server, "POST", "/v1/files", asking, Upload())).Status);
            Assert.DoesNotContain(id, (await Keys.AskAsync(server, "GET", "/v1/files", other)).Text, StringComparison.Ordinal);
            Assert.Equal((404, 404, 200), (await AskAboutAsync(server, id, other), await AskAboutAsync(server, id, asking), await AskAboutAsync(server, id, mine)));
            Assert.Equal(200, (await Keys.AskAsync(server, "DELETE", $"/v1/files/{id}", mine)).Status);
        }
        folder.Delete(recursive: true);
    }

    [Fact]
    public async Task Jobs_batches_and_uploads_are_their_keys()
    {
        using var folder = new JobsFolder();
        await using var video = await HeldVideo.StartAsync();
        var keys = new Keys();
        var (mine, other) = (keys.Add("mine"), keys.Add("other"));
        await using var server = await folder.StartAsync([.. keys.Options, .. HeldVideo.Allowed]);
        var lines = await IdAsync("/v1/files", Upload(Encoding.UTF8.GetBytes(BatchTests.Line("a", Clips.Chat("\"max_tokens\":1", video.Url))), "batch"));
        var batch = await IdAsync("/v1/batches", Json(BatchTests.Order(lines)));
        var running = await IdAsync("/v1/chat/completions", Json(JobsFolder.Body(url: video.Url)));
        var ended = await IdAsync("/v1/chat/completions", Json(JobsFolder.Body()));
        var upload = await IdAsync("/v1/uploads", Json("""{"filename":"a.mp4","bytes":9,"purpose":"vision"}"""));
        await Deadline.Until(async () => JobsFolder.Status((await Keys.AskAsync(server, "GET", $"/v1/jobs/{ended}", mine)).Json) == "completed");

        foreach (var job in new[] { running, ended })
            foreach (var (method, path) in new[] { ("GET", $"/v1/jobs/{job}"), ("GET", $"/v1/jobs/{job}?wait=1"), ("GET", $"/v1/jobs/{job}/events"), ("GET", $"/v1/jobs?after={job}"), ("DELETE", $"/v1/jobs/{job}") })
                await IsNotThereAsync(method, path);
        foreach (var (method, path) in new[] { ("GET", $"/v1/batches/{batch}"), ("GET", $"/v1/batches?after={batch}"), ("POST", $"/v1/batches/{batch}/cancel") })
            await IsNotThereAsync(method, path);
        await IsNotThereAsync("POST", "/v1/batches", Json(BatchTests.Order(lines)));
        foreach (var (method, path, body) in new[]
        {
            ("GET", $"/v1/uploads/{upload}", null), ("POST", $"/v1/uploads/{upload}/cancel", null), ("POST", $"/v1/uploads/{upload}/complete", Json("""{"part_ids":[]}""")),
            ("POST", $"/v1/uploads/{upload}/parts", (HttpContent)new MultipartFormDataContent { { new ByteArrayContent(Clips.Bytes), "data", "part" } }),
        })
            await IsNotThereAsync(method, path, body);
        foreach (var list in new[] { "/v1/jobs", "/v1/batches", "/v1/files" })
            Assert.Empty((await Keys.AskAsync(server, "GET", list, other)).Json.GetProperty("data").EnumerateArray());
        foreach (var path in new[] { $"/v1/jobs/{running}", $"/v1/jobs/{ended}", $"/v1/batches/{batch}", $"/v1/uploads/{upload}" })
            Assert.Equal(200, (await Keys.AskAsync(server, "GET", path, mine)).Status);                       // nothing has happened to them
        Assert.NotEqual("cancelled", JobsFolder.Status((await Keys.AskAsync(server, "GET", $"/v1/jobs/{running}", mine)).Json));

        async Task IsNotThereAsync(string method, string path, HttpContent? body = null) =>
            Assert.Equal((method, path, 404), (method, path, (await Keys.AskAsync(server, method, path, other, body)).Status));

        async Task<string> IdAsync(string path, HttpContent body)
        {
            var reply = await Keys.AskAsync(server, "POST", path, mine, body);
            Assert.True(reply.Status is 200 or 202, reply.Text);
            return reply.Json.GetProperty("id").GetString()!;
        }
    }

    private static MultipartFormDataContent Upload() => Upload(Clips.Bytes, "vision");

    private static MultipartFormDataContent Upload(byte[] bytes, string purpose)
    {
        var file = new ByteArrayContent(bytes);
        file.Headers.ContentType = new MediaTypeHeaderValue("video/mp4");
        return new() { { file, "file", "clip.mp4" }, { new StringContent(purpose), "purpose" } };
    }

    private static StringContent Json(string body) => new(body, null, "application/json");

    private static async Task<int> AskAboutAsync(RunningServer server, string id, string key) => (await Keys.AskAsync(server, "POST", "/v1/ask", key,
        new StringContent($$"""{"file_id":"{{id}}","question":"Why?","max_tokens":1}""", null, "application/json"))).Status;
}
