using System.Text;
using System.Text.Json;
using LlamaVid.Server.Jobs;
using LlamaVid.Server.Jobs.Batches;
using LlamaVid.Server.Tests.Http;

namespace LlamaVid.Server.Tests.Jobs;

/// <summary>Batches over HTTP: bad lines beside good ones, restarts, cancellation.</summary>
public sealed class BatchTests : IDisposable
{
    private readonly JobsFolder _folder = new();

    [Fact]
    public async Task Good_lines_are_answered_and_bad_ones_are_lines_of_the_error_file()
    {
        await using var server = await _folder.StartAsync();
        const string Same = "\"max_tokens\":8,\"temperature\":0";
        var expected = (await server.ChatAsync(Clips.Chat(Same))).Answer;
        var batch = await CreatedAsync(server,
            Line("video", Clips.Chat(Same)),
            "{not json",
            "",
            Line("text", """{"messages":[{"role":"user","content":"Hi"}],"max_tokens":2}"""),
            Line("video", Clips.Chat(Same)),
            Line("wrong field", """{"messages":[{"role":"user","content":"Hi"}],"temperature":9}"""),
            Line("streamed", Clips.Chat($"\"stream\":true,{Same}")),
            Line("elsewhere", "{}").Replace("/v1/chat/completions", "/v1/embeddings", StringComparison.Ordinal),
            """{"method":"POST","url":"/v1/chat/completions","body":{}}""",
            "[1]",
            Line("broken video", Clips.Chat(Same, $"data:video/mp4;base64,{Convert.ToBase64String(Clips.Bytes[..900])}")));

        var ended = await EndedAsync(server, batch);

        Assert.Equal(("completed", 10, 2, 8), (Status(ended), Count(ended, "total"), Count(ended, "completed"), Count(ended, "failed")));
        Assert.Equal("nightly", ended.GetProperty("metadata").GetProperty("run").GetString());
        var output = await LinesAsync(server, ended, "output_file_id");
        Assert.Equal(["video", "text"], output.Select(line => line.GetProperty("custom_id").GetString()));
        Assert.Equal(expected, output[0].GetProperty("response").GetProperty("body").GetProperty("choices")[0].GetProperty("message").GetProperty("content").GetString());
        var errors = await LinesAsync(server, ended, "error_file_id");
        Assert.Equal([null, "video", "wrong field", "streamed", "elsewhere", null, null, "broken video"], errors.Select(line => line.GetProperty("custom_id").GetString()));
        Assert.Equal([400, 400, 400, 400, 400, 400, 400, 422], errors.Select(line => line.GetProperty("response").GetProperty("status_code").GetInt32()));
        Assert.All(errors, line => Assert.NotEqual("internal_error", line.GetProperty("response").GetProperty("body").GetProperty("error").GetProperty("code").GetString()));
        Assert.Empty(Directory.GetFiles(Path.Combine(_folder.Path, "batches")));
    }

    [Fact]
    public async Task A_batch_goes_on_after_a_restart_and_answers_each_line_once()
    {
        await using var video = await HeldVideo.StartAsync();
        string[] args = [.. HeldVideo.Allowed, "--Jobs:MaxRunning", "2", "--Files:Path", Path.Combine(_folder.Path, "uploaded")];
        string batch;
        await using (var server = await _folder.StartAsync(args))
        {
            batch = await CreatedAsync(server, [Line("held", Clips.Chat("\"max_tokens\":4", video.Url)), .. Enumerable.Range(0, 5).Select(i => Line($"{i}", Clips.Chat("\"max_tokens\":4")))]);
            await video.Asked;
            await UntilAsync(async () => Count(await RetrievedAsync(server, batch), "completed") >= 2);
            using var deleted = await server.Http.DeleteAsync($"/v1/files/{(await RetrievedAsync(server, batch)).GetProperty("input_file_id").GetString()}", TestContext.Current.CancellationToken);
            Assert.True(deleted.IsSuccessStatusCode);
        }
        video.Release();
        await using (var server = await _folder.StartAsync(args))
        {
            var ended = await EndedAsync(server, batch);
            Assert.Equal(("completed", 6, 6), (Status(ended), Count(ended, "total"), Count(ended, "completed")));
            Assert.Equal(["held", "0", "1", "2", "3", "4"], (await LinesAsync(server, ended, "output_file_id")).Select(line => line.GetProperty("custom_id").GetString()));
            Assert.False(ended.TryGetProperty("error_file_id", out _));
        }
    }

    [Fact]
    public async Task A_cancelled_batch_keeps_what_was_answered()
    {
        await using var video = await HeldVideo.StartAsync();
        await using var server = await _folder.StartAsync([.. HeldVideo.Allowed, "--Jobs:MaxRunning", "1"]);
        var batch = await CreatedAsync(server, Line("first", Clips.Chat("\"max_tokens\":4")), Line("held", Clips.Chat("\"max_tokens\":4", video.Url)), Line("never", Clips.Chat("\"max_tokens\":4")));
        await video.Asked;

        var cancelled = await server.PostAsync($"/v1/batches/{batch}/cancel", new StringContent(""));
        Assert.Contains(Status(cancelled.Json), (string[])["cancelling", "cancelled"]);
        var ended = await EndedAsync(server, batch);

        Assert.Equal(("cancelled", 1), (Status(ended), Count(ended, "completed")));
        Assert.Equal("first", Assert.Single(await LinesAsync(server, ended, "output_file_id")).GetProperty("custom_id").GetString());
        Assert.Equal(400, (await server.PostAsync($"/v1/batches/{batch}/cancel", new StringContent(""))).Status);
        Assert.Equal(200, (await server.ChatAsync(Clips.Chat())).Status);
    }

    [Fact]
    public async Task Answers_take_room_and_a_line_for_whose_answer_there_is_none_is_refused()
    {
        const int Megabyte = 1 << 20;
        await using var video = await HeldVideo.StartAsync();
        string[] args = [.. HeldVideo.Allowed, "--Jobs:MaxRunning", "1", "--Jobs:MaxMegabytes", "1", "--Files:Path", Path.Combine(_folder.Path, "uploaded")];
        string batch;
        long held;
        await using (var server = await _folder.StartAsync(args))
        {
            batch = await CreatedAsync(server, Line("first", Clips.Chat("\"max_tokens\":4")), Line("held", Clips.Chat("\"max_tokens\":4", video.Url)), Line("refused", Clips.Chat("\"max_tokens\":4")));
            var input = server.Part<JobRoom>().Held;
            await video.Asked;
            held = server.Part<JobRoom>().Held;
            Assert.InRange(held, input + 100, input + 10_000);
        }
        await using (var server = await _folder.StartAsync(args))
        {
            var room = server.Part<JobRoom>();
            Assert.Equal(held, room.Held);
            await Deadline.Until(() => video.Times == 2);
            room.Change(Megabyte);
            video.Release();

            var ended = await EndedAsync(server, batch);

            Assert.Equal(("completed", 2, 1), (Status(ended), Count(ended, "completed"), Count(ended, "failed")));
            var refused = Assert.Single(await LinesAsync(server, ended, "error_file_id"));
            Assert.Equal(("refused", 507, "job_space_exhausted"), (refused.GetProperty("custom_id").GetString(), refused.GetProperty("response").GetProperty("status_code").GetInt32(),
                refused.GetProperty("response").GetProperty("body").GetProperty("error").GetProperty("code").GetString()));
            await Deadline.Until(() => room.Held == Megabyte);
        }
    }

    [Fact]
    public async Task What_is_no_batch_is_refused_by_its_field()
    {
        await using var server = await _folder.StartAsync("--Jobs:MaxBatchesPerOwner", "1");
        var video = await UploadedAsync(server, Clips.Bytes, "vision");
        var lines = await UploadedAsync(server, Encoding.UTF8.GetBytes(Line("a", Clips.Chat())), "batch");
        foreach (var (json, status, param) in new[]
        {
            ("{}", 400, "input_file_id"),
            (Order("file-none"), 404, "input_file_id"),
            (Order(video), 400, "input_file_id"),
            (Order(lines).Replace("24h", "1h", StringComparison.Ordinal), 400, "completion_window"),
            (Order(lines).Replace("chat/completions", "embeddings", StringComparison.Ordinal), 400, "endpoint"),
            (Order(lines).Replace("\"run\"", "\"more\":1,\"run\"", StringComparison.Ordinal), 400, "metadata.more"),
        })
        {
            var refused = await server.PostAsync("/v1/batches", new StringContent(json, null, "application/json"));
            Assert.Equal((status, param), (refused.Status, refused.Error.GetProperty("param").GetString()));
        }
        Assert.Equal((404, "batch_not_found"), await FaultAsync(server.GetAsync("/v1/batches/batch_none")));
        Assert.Equal((404, "batch_not_found"), await FaultAsync(server.GetAsync("/v1/batches?after=batch_none")));
        Assert.Equal((404, "batch_not_found"), await FaultAsync(server.PostAsync("/v1/batches/..%2F/cancel", new StringContent(""))));
    }

    [Theory]
    [InlineData("a\nb\n", "1:a 2:b")]
    [InlineData("a\n\n \r\nb", "1:a 4:b")]
    [InlineData("", "")]
    [InlineData("\n\n", "")]
    [InlineData("0123456789\nb\n0123456789", "1:too long 2:b 3:too long")]
    public async Task Lines_are_read_one_by_one(string text, string expected)
    {
        using var file = new MemoryStream(Encoding.UTF8.GetBytes(text));
        var lines = new List<string>();
        await foreach (var (number, line) in LineReader.ReadAsync(file, longest: 5, TestContext.Current.CancellationToken))
            lines.Add($"{number}:{(line is null ? "too long" : Encoding.UTF8.GetString(line))}");
        Assert.Equal(expected, string.Join(' ', lines));
    }

    public void Dispose() => _folder.Dispose();

    internal static string Line(string name, string body) =>
        $$$"""{"custom_id":"{{{name}}}","method":"POST","url":"/v1/chat/completions","body":{{{body.ReplaceLineEndings(" ").Trim()}}}}""";

    internal static string Order(string file) => $$$"""{"input_file_id":"{{{file}}}","endpoint":"/v1/chat/completions","completion_window":"24h","metadata":{"run":"nightly"}}""";

    internal static async Task<string> CreatedAsync(RunningServer server, params string[] lines)
    {
        var file = await UploadedAsync(server, Encoding.UTF8.GetBytes(string.Join('\n', lines)), "batch");
        var created = await server.PostAsync("/v1/batches", new StringContent(Order(file), null, "application/json"));
        Assert.True(created.Status == 200, created.Text);
        return created.Json.GetProperty("id").GetString()!;
    }

    private static async Task<string> UploadedAsync(RunningServer server, byte[] bytes, string purpose)
    {
        using var form = new MultipartFormDataContent { { new StringContent(purpose), "purpose" }, { new ByteArrayContent(bytes), "file", "a.jsonl" } };
        var reply = await server.PostAsync("/v1/files", form);
        Assert.True(reply.Status == 200, reply.Text);
        return reply.Json.GetProperty("id").GetString()!;
    }

    private static async Task<JsonElement> RetrievedAsync(RunningServer server, string id) => (await server.GetAsync($"/v1/batches/{id}")).Json;

    internal static async Task<JsonElement> EndedAsync(RunningServer server, string id)
    {
        JsonElement batch = default;
        await UntilAsync(async () => Status(batch = await RetrievedAsync(server, id)) is "completed" or "failed" or "cancelled" or "expired");
        return batch;
    }

    private static async Task UntilAsync(Func<Task<bool>> isSo)
    {
        using var patience = new CancellationTokenSource(TimeSpan.FromMinutes(1));
        while (!await isSo()) await Task.Delay(20, patience.Token);
    }

    internal static async Task<JsonElement[]> LinesAsync(RunningServer server, JsonElement batch, string file)
    {
        var content = await server.GetAsync($"/v1/files/{batch.GetProperty(file).GetString()}/content");
        return [.. content.Text.Split('\n', StringSplitOptions.RemoveEmptyEntries).Select(line => JsonElement.Parse(line))];
    }

    private static string Status(JsonElement batch) => batch.GetProperty("status").GetString()!;

    private static int Count(JsonElement batch, string what) => batch.GetProperty("request_counts").GetProperty(what).GetInt32();

    private static async Task<(int, string?)> FaultAsync(Task<Reply> reply) => ((await reply).Status, (await reply).Code);
}
