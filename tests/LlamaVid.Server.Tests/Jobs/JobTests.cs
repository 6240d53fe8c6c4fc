using System.Net.Http.Headers;
using System.Text;
using System.Text.Json;
using LlamaVid.Server.Composition;
using LlamaVid.Server.Tests.Http;
using static LlamaVid.Server.Tests.Jobs.JobsFolder;

namespace LlamaVid.Server.Tests.Jobs;

/// <summary>Work in the background, over HTTP, with a real engine and a real disk.</summary>
public sealed class JobTests : IDisposable
{
    private readonly JobsFolder _folder = new();

    [Fact]
    public async Task A_job_ends_with_the_answer_that_the_same_request_gets()
    {
        await using var server = await _folder.StartAsync();
        const string Same = "\"max_tokens\":12,\"temperature\":0.7,\"seed\":5";
        var expected = await server.ChatAsync(Clips.Chat(Same));

        var job = await EndedAsync(server, await AcceptedAsync(server, Body(Same)));

        Assert.Equal(("completed", expected.Answer), (Status(job), Answer(job)));
        Assert.Equal(Shape(expected.Json), Shape(job.GetProperty("result")));
        Assert.Equal(1, job.GetProperty("attempts").GetInt32());
        Assert.InRange(job.GetProperty("expires_at").GetInt64() - job.GetProperty("ended_at").GetInt64(), 86_399, 86_401);
        Assert.Empty(_folder.Requests);
    }

    [Fact]
    public async Task An_upload_is_asked_about_in_the_background()
    {
        var temporary = Directory.CreateTempSubdirectory("lv");
        await using (var server = await _folder.StartAsync("--Media:TempDirectory", temporary.FullName))
        {
            var expected = await server.PostAsync("/v1/ask", Clips.Form(Clips.Bytes, ("question", "Wohin läuft es?"), ("max_tokens", "12"), ("temperature", "0")));
            var accepted = await server.PostAsync("/v1/ask",
                Clips.Form(Clips.Bytes, ("background", "true"), ("question", "Wohin läuft es?"), ("max_tokens", "12"), ("temperature", "0")));
            Assert.Equal(202, accepted.Status);

            var job = await EndedAsync(server, accepted.Json.GetProperty("id").GetString()!);

            Assert.Equal(expected.Json.GetProperty("answer").GetString(), job.GetProperty("result").GetProperty("answer").GetString());
            Assert.Empty(_folder.Requests);
            Assert.Empty(temporary.EnumerateFileSystemInfos());
        }
        temporary.Delete();
    }

    [Fact]
    public async Task A_jobs_events_are_those_of_a_stream_and_continue_after_every_one_of_them()
    {
        await using var server = await _folder.StartAsync();
        const string Same = "\"max_tokens\":12,\"temperature\":0,\"stream_options\":{\"include_usage\":true}";
        var stream = Data((await server.ChatAsync(Clips.Chat($"\"stream\":true,{Same}"))).Text);
        var id = await AcceptedAsync(server, Body(Same));

        var live = await EventsAsync(server, id, null);
        Assert.Equal("completed", Status(await EndedAsync(server, id)));

        Assert.Equal(stream.Select(Told), Data(live.Text).Select(Told));
        var ids = Ids(live.Text);
        Assert.Equal(Enumerable.Range(1, ids.Length), ids);
        for (var last = 0; last < ids.Length; last++)
        {
            var rest = await EventsAsync(server, id, $"{last}");
            Assert.Equal(200, rest.Status);
            Assert.Equal(Data(live.Text)[last..], Data(rest.Text));
            Assert.Equal(ids[last..], Ids(rest.Text));
        }
        Assert.Equal(204, (await EventsAsync(server, id, $"{ids.Length}")).Status);
        Assert.Equal(204, (await EventsAsync(server, id, "2147483647")).Status);
    }

    [Fact]
    public async Task Events_that_are_followed_while_the_job_waits_come_when_it_runs()
    {
        await using var video = await HeldVideo.StartAsync();
        await using var server = await _folder.StartAsync(HeldVideo.Allowed);
        var id = await AcceptedAsync(server, Body("\"max_tokens\":4,\"stream_options\":{\"include_progress\":true}", video.Url));
        await video.Asked;

        using var request = new HttpRequestMessage(HttpMethod.Get, $"/v1/jobs/{id}/events");
        using var response = await server.Http.SendAsync(request, HttpCompletionOption.ResponseHeadersRead, TestContext.Current.CancellationToken);
        Assert.Equal("text/event-stream; charset=utf-8", response.Content.Headers.ContentType?.ToString());
        using var lines = new StreamReader(await response.Content.ReadAsStreamAsync(TestContext.Current.CancellationToken));
        while (await lines.ReadLineAsync(TestContext.Current.CancellationToken) is { } line && !line.Contains("\"stage\":\"fetch\"", StringComparison.Ordinal))
            Assert.NotEqual("data: [DONE]", line);
        var running = (await server.GetAsync($"/v1/jobs/{id}")).Json;
        Assert.Equal(("running", "fetch"), (Status(running), running.GetProperty("progress").GetProperty("stage").GetString()));

        video.Release();
        Assert.EndsWith("data: [DONE]\n\n", await lines.ReadToEndAsync(TestContext.Current.CancellationToken), StringComparison.Ordinal);
    }

    [Fact]
    public async Task Jobs_survive_a_restart_whether_they_ran_or_waited_or_had_ended()
    {
        await using var video = await HeldVideo.StartAsync();
        string ended, running, waiting;
        JsonElement result;
        await using (var server = await _folder.StartAsync([.. HeldVideo.Allowed, "--Jobs:MaxRunning", "1"]))
        {
            ended = await AcceptedAsync(server, Body());
            result = await EndedAsync(server, ended);
            running = await AcceptedAsync(server, Body(url: video.Url));
            waiting = await AcceptedAsync(server, Body());
            await video.Asked;
        }
        video.Release();
        await using (var server = await _folder.StartAsync(HeldVideo.Allowed))
        {
            Assert.Equal(result.GetRawText(), (await EndedAsync(server, ended)).GetRawText());
            foreach (var id in new[] { running, waiting })
            {
                var job = await EndedAsync(server, id);
                Assert.Equal(("completed", Answer(result), 1), (Status(job), Answer(job), job.GetProperty("attempts").GetInt32()));
            }
            Assert.Equal("[DONE]", Data((await EventsAsync(server, ended, null)).Text)[^1]);
            Assert.Empty(_folder.Requests);
        }
    }

    [Fact]
    public async Task A_running_job_and_a_waiting_one_can_be_cancelled_and_removed()
    {
        await using var video = await HeldVideo.StartAsync();
        await using var server = await _folder.StartAsync([.. HeldVideo.Allowed, "--Jobs:MaxRunning", "1"]);
        string[] ids = [await AcceptedAsync(server, Body(url: video.Url)), await AcceptedAsync(server, Body())];
        await video.Asked;
        foreach (var id in ids)
        {
            var events = EventsAsync(server, id, null);
            var cancelled = await DeleteAsync(server, id);
            Assert.Equal((200, "cancelled"), (cancelled.Status, Status(cancelled.Json)));
            Assert.Equal("job_cancelled", JsonElement.Parse(Data((await events).Text)[^1]).GetProperty("error").GetProperty("code").GetString());
            Assert.Equal("job_cancelled", (await EndedAsync(server, id)).GetProperty("error").GetProperty("code").GetString());
        }
        Assert.Empty(_folder.Requests);
        Assert.Equal("completed", Status(await EndedAsync(server, await AcceptedAsync(server, Body()))));       // its place is free again

        foreach (var id in ids)
        {
            Assert.True((await DeleteAsync(server, id)).Json.GetProperty("deleted").GetBoolean());
            Assert.Equal((404, "job_not_found"), Fault(await server.GetAsync($"/v1/jobs/{id}")));
        }
    }

    [Fact]
    public async Task A_job_that_cannot_be_answered_fails_with_the_error_of_the_request()
    {
        await using var server = await _folder.StartAsync();
        var expected = await server.ChatAsync(Clips.Chat(url: $"data:video/mp4;base64,{Convert.ToBase64String(Clips.Bytes[..900])}"));

        var id = await AcceptedAsync(server, Body(url: $"data:video/mp4;base64,{Convert.ToBase64String(Clips.Bytes[..900])}"));
        var job = await EndedAsync(server, id);

        Assert.Equal("failed", Status(job));
        Assert.Equal(expected.Error.GetRawText(), job.GetProperty("error").GetRawText());
        Assert.Equal($$"""{"error":{{expected.Error.GetRawText()}}}""", Data((await EventsAsync(server, id, null)).Text)[^1]);
    }

    [Theory]
    [InlineData("GET", "/v1/jobs/job-000000000000000000000000", 404, "job_not_found")]
    [InlineData("GET", "/v1/jobs/job-000000000000000000000000/events", 404, "job_not_found")]
    [InlineData("DELETE", "/v1/jobs/job-000000000000000000000000", 404, "job_not_found")]
    [InlineData("GET", "/v1/jobs/..%2F..%2Fetc%2Fpasswd", 404, "job_not_found")]
    [InlineData("GET", "/v1/jobs/'%20OR%201=1%20--", 404, "job_not_found")]
    [InlineData("GET", "/v1/jobs?after=job-1", 404, "job_not_found")]
    [InlineData("GET", "/v1/jobs?limit=0", 400, "invalid_value")]
    [InlineData("GET", "/v1/jobs?limit=101", 400, "invalid_value")]
    [InlineData("GET", "/v1/jobs?limit=-1", 400, "invalid_value")]
    [InlineData("GET", "/v1/jobs?limit=1e2", 400, "invalid_value")]
    [InlineData("GET", "/v1/jobs/ID?wait=-1", 400, "invalid_value")]
    [InlineData("GET", "/v1/jobs/ID?wait=NaN", 400, "invalid_value")]
    [InlineData("GET", "/v1/jobs/ID?wait=soon", 400, "invalid_value")]
    [InlineData("GET", "/v1/jobs/ID?wait=", 400, "invalid_value")]
    [InlineData("POST", "/v1/jobs/ID", 405, "method_not_allowed")]
    public async Task What_nobody_should_ask_is_refused(string method, string path, int status, string code)
    {
        await using var server = await _folder.StartAsync();
        var id = await AcceptedAsync(server, Body("\"max_tokens\":1"));
        using var request = new HttpRequestMessage(new(method), path.Replace("ID", id, StringComparison.Ordinal));
        using var response = await server.Http.SendAsync(request, TestContext.Current.CancellationToken);
        Assert.Equal((status, code), Fault(await Reply.OfAsync(response)));
    }

    [Fact]
    public async Task Ids_of_events_that_never_were_are_refused()
    {
        await using var server = await _folder.StartAsync();
        var id = await AcceptedAsync(server, Body("\"max_tokens\":1"));
        foreach (var last in new[] { "-1", "1.5", "1e3", "abc", "0x10", "2147483648", "99999999999999999999999999", "1,2", new string('9', 5000) })
            Assert.Equal((400, "invalid_value"), Fault(await EventsAsync(server, id, last)));
    }

    [Theory]
    [InlineData("1e9")]
    [InlineData("1e308")]
    [InlineData("Infinity")]
    public async Task A_wait_of_ages_is_as_long_as_the_server_allows(string wait)
    {
        await using var video = await HeldVideo.StartAsync();
        await using var server = await _folder.StartAsync([.. HeldVideo.Allowed, "--Jobs:MaxWait", "00:00:00.1"]);
        var id = await AcceptedAsync(server, Body(url: video.Url));
        await video.Asked;
        Assert.Equal("running", Status((await server.GetAsync($"/v1/jobs/{id}?wait={wait}")).Json));
    }

    [Fact]
    public Task A_thousand_jobs_of_one_owner_are_refused_but_for_its_share() => RefusedButForTheShareAsync(sent: 1000);

    [Fact(Explicit = true)]
    public Task Ten_thousand_jobs_of_one_owner_are_refused_but_for_its_share() => RefusedButForTheShareAsync(sent: 10_000);

    private async Task RefusedButForTheShareAsync(int sent)
    {
        const int Share = 5;
        await using var video = await HeldVideo.StartAsync();
        await using var server = await _folder.StartAsync([.. HeldVideo.Allowed, "--Jobs:MaxRunning", "1", "--Jobs:MaxPerOwner", $"{Share}"]);
        await AcceptedAsync(server, Body(url: video.Url));
        await video.Asked;
        var (accepted, refused) = (1, 0);

        await Parallel.ForAsync(1, sent, new ParallelOptions { MaxDegreeOfParallelism = 16, CancellationToken = TestContext.Current.CancellationToken }, async (_, _) =>
        {
            var reply = await server.ChatAsync("""{"background":true,"max_tokens":1,"messages":[{"role":"user","content":"Hi"}]}""");
            if (reply.Status == 202) Interlocked.Increment(ref accepted);
            else if (Fault(reply) == (429, "job_quota_exceeded")) Interlocked.Increment(ref refused);
        });

        Assert.Equal((Share, sent - Share), (accepted, refused));
        Assert.Equal(Share, _folder.Requests.Length);
        Assert.Equal(200, (await server.ChatAsync("""{"max_tokens":1,"messages":[{"role":"user","content":"Hi"}]}""")).Status);
    }

    [Fact]
    public async Task A_job_that_the_disk_share_does_not_hold_is_refused_and_leaves_nothing()
    {
        await using var server = await _folder.StartAsync("--Jobs:MaxMegabytes", "1");
        var reply = await server.PostAsync("/v1/ask", Clips.Form(new byte[2 << 20], ("background", "true"), ("question", "Why?")));
        Assert.Equal((507, "job_space_exhausted"), Fault(reply));
        Assert.Empty(_folder.Requests);
        Assert.Equal("completed", Status(await EndedAsync(server, await AcceptedAsync(server, Body()))));
    }

    [Fact]
    public async Task Ended_jobs_are_removed_after_their_time()
    {
        await using var server = await _folder.StartAsync("--Jobs:KeepResults", "00:00:01");
        var id = await AcceptedAsync(server, Body("\"max_tokens\":1"));
        using var patience = new CancellationTokenSource(TimeSpan.FromMinutes(1));
        while ((await server.GetAsync($"/v1/jobs/{id}?wait=1")).Status != 404)
            patience.Token.ThrowIfCancellationRequested();
        Assert.Empty((await server.GetAsync("/v1/jobs")).Json.GetProperty("data").EnumerateArray());
    }

    [Fact]
    public async Task Jobs_are_listed_newest_first_in_pages()
    {
        await using var server = await _folder.StartAsync();
        var ids = new List<string>();
        for (var i = 0; i < 5; i++)
            ids.Insert(0, await AcceptedAsync(server, Body("\"max_tokens\":1")));
        var seen = new List<string>();
        for (string? after = null; ;)
        {
            var page = (await server.GetAsync($"/v1/jobs?limit=2{(after is null ? "" : $"&after={after}")}")).Json;
            seen.AddRange(page.GetProperty("data").EnumerateArray().Select(job => job.GetProperty("id").GetString()!));
            if (!page.GetProperty("has_more").GetBoolean())
                break;
            after = page.GetProperty("last_id").GetString();
        }
        Assert.Equal(ids, seen);
    }

    [Fact]
    public async Task A_server_without_a_folder_for_jobs_says_so()
    {
        await using var server = await RunningServer.StartAsync();
        Assert.Equal((400, "unsupported_parameter"), Fault(await server.ChatAsync(Body())));
        Assert.Equal((400, "unsupported_parameter"), Fault(await server.GetAsync("/v1/jobs")));
    }

    [Fact]
    public async Task Two_servers_do_not_share_a_folder()
    {
        await using var server = await _folder.StartAsync();
        var fault = await Assert.ThrowsAsync<StartupException>(() => _folder.StartAsync());
        Assert.Contains(_folder.Path, fault.Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_table_that_is_damaged_stops_the_start_in_one_line()
    {
        await File.WriteAllTextAsync(Path.Combine(_folder.Path, "jobs.db"), new string('x', 10_000), TestContext.Current.CancellationToken);
        var fault = await Assert.ThrowsAsync<StartupException>(() => _folder.StartAsync());
        Assert.Contains("jobs.db cannot be used", fault.Message, StringComparison.Ordinal);
    }

    public void Dispose() => _folder.Dispose();

    private static (int, string?) Fault(Reply reply) => (reply.Status, reply.Code);

    private static async Task<Reply> EventsAsync(RunningServer server, string id, string? last)
    {
        using var request = new HttpRequestMessage(HttpMethod.Get, $"/v1/jobs/{id}/events");
        if (last is not null)
            request.Headers.TryAddWithoutValidation("Last-Event-ID", last);
        using var response = await server.Http.SendAsync(request, TestContext.Current.CancellationToken);
        return await Reply.OfAsync(response);
    }

    private static async Task<Reply> DeleteAsync(RunningServer server, string id)
    {
        using var response = await server.Http.DeleteAsync($"/v1/jobs/{id}", TestContext.Current.CancellationToken);
        return await Reply.OfAsync(response);
    }

    private static string[] Data(string stream) => [.. Lines(stream, "data: ")];

    private static int[] Ids(string stream) => [.. Lines(stream, "id: ").Select(int.Parse)];

    private static IEnumerable<string> Lines(string stream, string start) =>
        stream.Split('\n').Where(line => line.StartsWith(start, StringComparison.Ordinal)).Select(line => line[start.Length..]);

    /// <summary>What a chunk tells, without what differs between two requests.</summary>
    private static string Told(string chunk)
    {
        if (chunk == "[DONE]")
            return chunk;
        var json = JsonElement.Parse(chunk);
        var usage = json.TryGetProperty("usage", out var used) ? used.GetProperty("completion_tokens").GetRawText() : "";
        return json.GetProperty("choices").GetRawText() + usage;
    }

    private static string[] Shape(JsonElement json) => [.. json.EnumerateObject().Select(property => property.Name)];
}
