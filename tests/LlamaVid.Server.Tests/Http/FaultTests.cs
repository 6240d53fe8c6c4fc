using System.Net.Http.Headers;
using System.Text;
using LlamaVid.Server.Features.ChatCompletions;

namespace LlamaVid.Server.Tests.Http;

/// <summary>What a client gets for a request that is wrong: the right status, OpenAI's error object, and a server that goes on.</summary>
[Collection(nameof(DefaultServer))]
public sealed class FaultTests(DefaultServer fixture)
{
    private readonly RunningServer _server = fixture.Server;

    [Theory]
    [InlineData("GET", "/nope", 404, "route_not_found")]
    [InlineData("GET", "/v1/chat/completions", 405, "method_not_allowed")]
    [InlineData("DELETE", "/v1/models", 405, "method_not_allowed")]
    [InlineData("GET", "/v1/models/gpt-4", 404, "model_not_found")]
    [InlineData("GET", "/openapi/v2.json", 404, "route_not_found")]
    [InlineData("GET", "/v1/files?purpos=vision", 400, "unknown_parameter")]
    [InlineData("GET", "/v1/jobs?order=asc", 400, "unknown_parameter")]
    [InlineData("GET", "/v1/batches?x=", 400, "unknown_parameter")]
    public async Task Routes(string method, string path, int status, string code)
    {
        using var response = await _server.Http.SendAsync(new(new(method), path), TestContext.Current.CancellationToken);
        var reply = await Reply.OfAsync(response);
        Assert.Equal((status, code), (reply.Status, reply.Code));
        Assert.Equal(["message", "type", "param", "code"], reply.Error.EnumerateObject().Select(field => field.Name));
    }

    [Theory]
    [InlineData("/health", 200)]
    [InlineData("/v1/models", 200)]
    [InlineData("/swagger/index.html", 200)]
    [InlineData("/nope", 404)]
    [InlineData("/tokenize", 405)]
    [InlineData("/v1/jobs/job-1/events", 405)]
    public async Task Heads_of_answers_come_without_bodies(string path, int status)
    {
        using var request = new HttpRequestMessage(HttpMethod.Head, path);
        using var response = await _server.Http.SendAsync(request, TestContext.Current.CancellationToken);
        Assert.Equal((status, 0), ((int)response.StatusCode, (await response.Content.ReadAsByteArrayAsync(TestContext.Current.CancellationToken)).Length));
    }

    [Theory]
    [InlineData("application/x-www-form-urlencoded", 415, "unsupported_media")]
    [InlineData("text/plain", 415, "unsupported_media")]
    [InlineData("application/json", 400, "invalid_json")]
    public async Task Bodies_that_are_no_json(string type, int status, string code)
    {
        var reply = await _server.PostAsync("/v1/chat/completions", new StringContent("a=b", new MediaTypeHeaderValue(type)));
        Assert.Equal((status, code), (reply.Status, reply.Code));
    }

    [Fact]
    public async Task A_bad_field_is_named_by_its_path()
    {
        var reply = await _server.ChatAsync("""{"messages":[{"role":"user","content":[{"type":"hologram"}]}]}""");
        Assert.Equal((400, "messages[0].content[0].type", "unsupported_parameter", "invalid_request_error"),
            (reply.Status, reply.Error.GetProperty("param").GetString(), reply.Code, reply.Error.GetProperty("type").GetString()));
    }

    [Fact]
    public async Task Another_model_is_not_found()
    {
        var reply = await _server.ChatAsync("""{"model":"gpt-4","messages":[{"role":"user","content":"Hi"}]}""");
        Assert.Equal((404, "model_not_found"), (reply.Status, reply.Code));
        Assert.Equal("The model 'gpt-4' does not exist; 'default' is served.", reply.Error.GetProperty("message").GetString());
    }

    [Theory]
    [InlineData("not a video at all", 415, "unsupported_media")]
    [InlineData("<html><body>hello</body></html>", 415, "unsupported_media")]
    [InlineData("#EXTM3U\n#EXTINF:1,\nfile:///etc/passwd\n", 415, "unsupported_media")]
    [InlineData("ffconcat version 1.0\nfile /etc/passwd\n", 415, "unsupported_media")]
    public async Task Bytes_that_are_no_video(string content, int status, string code)
    {
        foreach (var more in new[] { "\"max_tokens\":4", "\"max_tokens\":4,\"stream\":true" })
        {
            var reply = await _server.ChatAsync(Clips.Chat(more, $"data:video/mp4;base64,{Convert.ToBase64String(Encoding.UTF8.GetBytes(content))}"));
            Assert.Equal((status, code, "messages[0].content[0].video_url.url"), (reply.Status, reply.Code, reply.Error.GetProperty("param").GetString()));
            Assert.DoesNotContain("/tmp", reply.Text, StringComparison.Ordinal);
        }
    }

    [Fact]
    public async Task A_video_that_is_sent_as_a_picture_is_not_seen_in_one_frame_only()
    {
        var disguised = Clips.DataUri.Replace("data:video/mp4", "data:image/png", StringComparison.Ordinal);
        var reply = await _server.ChatAsync($$$"""{"messages":[{"role":"user","content":[{"type":"image_url","image_url":{"url":"{{{disguised}}}"}},{"type":"text","text":"What?"}]}]}""");
        Assert.Equal((415, "unsupported_media", "messages[0].content[0].image_url.url"), (reply.Status, reply.Code, reply.Error.GetProperty("param").GetString()));
        Assert.Contains("video_url", reply.Error.GetProperty("message").GetString(), StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_video_that_is_cut_off_is_unreadable()
    {
        var reply = await _server.ChatAsync(Clips.Chat(url: $"data:video/mp4;base64,{Convert.ToBase64String(Clips.Bytes[..900])}"));
        Assert.Equal((422, "video_unreadable"), (reply.Status, reply.Code));
    }

    [Theory]
    [InlineData("http://127.0.0.1:9/a.mp4")]
    [InlineData("http://[::1]/a.mp4")]
    [InlineData("http://169.254.169.254/latest/meta-data")]
    public async Task The_servers_own_network_is_not_fetched_from(string url)
    {
        var reply = await _server.ChatAsync(Clips.Chat(url: url));
        Assert.Equal((422, "video_fetch_failed"), (reply.Status, reply.Code));
    }

    [Theory]
    [InlineData("\"max_tokens\":1000000")]
    [InlineData("\"max_tokens\":1000000,\"stream\":true")]
    public async Task More_than_the_context_is_refused_with_the_numbers(string more)
    {
        var reply = await _server.ChatAsync(Clips.Chat(more));
        Assert.Equal((400, "context_length_exceeded"), (reply.Status, reply.Code));
    }

    [Theory]
    [InlineData("/v1/chat/completions", """{"messages":[{"role":"user","content":"TEXT"}]}""")]
    [InlineData("/v1/chat/completions", """{"messages":[{"role":"user","content":[{"type":"text","text":"TEXT"}]}]}""")]
    [InlineData("/v1/ask", """{"question":"TEXT","video_url":"data:video/mp4;base64,AAAA"}""")]
    public async Task A_text_longer_than_any_context_is_refused_with_the_numbers(string route, string body)
    {
        var reply = await _server.PostAsync(route, new StringContent(body.Replace("TEXT", new string('a', 3_000_000)), null, "application/json"));
        Assert.Equal((400, "context_length_exceeded"), (reply.Status, reply.Code));
        Assert.Contains("at least", reply.Error.GetProperty("message").GetString());
    }

    [Theory]
    [InlineData("", "video", "missing_required_parameter")]
    [InlineData("speed=1", "speed", "unknown_parameter")]
    [InlineData("max_tokens=many", "max_tokens", "invalid_value")]
    [InlineData("max_tokens=-1", "max_tokens", "invalid_value")]
    [InlineData("tools=[{}]", "tools", "unsupported_parameter")]
    public async Task Forms_with_a_bad_field(string field, string param, string code)
    {
        var form = new MultipartFormDataContent { { new StringContent("Why?"), "question" } };
        if (field.Split('=') is [var name, var value])
            form.Add(new StringContent(value), name);
        var reply = await _server.PostAsync("/v1/ask", form);
        Assert.Equal((400, param, code), (reply.Status, reply.Error.GetProperty("param").GetString(), reply.Code));
    }

    [Theory]
    [InlineData("multipart/form-data", "x", "malformed_form")]
    [InlineData("multipart/form-data; boundary=b", "--b\r\nContent-Disposition: form-data\r\n\r\nx\r\n--b--\r\n", "malformed_form")]
    [InlineData("multipart/form-data; boundary=b", "--b\r\nContent-Disposition: form-data; name=question\r\n\r\nx", "malformed_form")]
    [InlineData("multipart/form-data; boundary=b", "garbage", "malformed_form")]
    [InlineData("multipart/form-data; boundary=b", "--b\r\nContent-Disposition: form-data; name=notes; filename=a.txt\r\n\r\nx\r\n--b--\r\n", "unknown_parameter")]
    [InlineData("multipart/form-data; boundary=b", "--b\r\nContent-Disposition: form-data; name=question\r\n\r\nx\r\n--b\r\nContent-Disposition: form-data; name=question\r\n\r\ny\r\n--b--\r\n", "invalid_value")]
    public async Task Forms_that_are_broken(string type, string body, string code)
    {
        var content = new ByteArrayContent(Encoding.UTF8.GetBytes(body));
        content.Headers.TryAddWithoutValidation("Content-Type", type);
        var reply = await _server.PostAsync("/v1/ask", content);
        Assert.Equal((400, code), (reply.Status, reply.Code));
    }

    [Fact]
    public async Task A_file_without_a_question_is_refused() =>
        Assert.Equal("question", (await _server.PostAsync("/v1/ask", Clips.Form(Clips.Bytes))).Error.GetProperty("param").GetString());

    [Fact]
    public async Task Sizes_are_limited_and_uploads_leave_nothing_behind()
    {
        var folder = Directory.CreateTempSubdirectory("lv");
        try
        {
            await using var small = await RunningServer.StartAsync("--Server:MaxRequestBytes", "2048", "--Media:MaxBytes", "2000", "--Media:TempDirectory", folder.FullName);
            var large = new byte[3000];

            var json = await small.ChatAsync(Clips.Chat());
            var upload = await small.PostAsync("/v1/ask", Clips.Form(large, ("question", "Why?")));
            var answered = await small.PostAsync("/v1/ask", Clips.Form(Clips.Bytes, ("question", "Why?"), ("max_tokens", "2")));
            var refused = await small.PostAsync("/v1/ask", Clips.Form(large[..100], ("question", "Why?")));

            Assert.Equal((413, "payload_too_large"), (json.Status, json.Code));
            Assert.Equal((413, "payload_too_large"), (upload.Status, upload.Code));
            Assert.Equal(200, answered.Status);
            Assert.Equal(415, refused.Status);
            Assert.Empty(folder.GetFileSystemInfos());
        }
        finally
        {
            folder.Delete(recursive: true);
        }
    }

    [Fact]
    public async Task A_full_queue_is_503_and_says_when_to_come_back()
    {
        await using var narrow = await RunningServer.StartAsync("--Engine:MaxWaitingRequests", "1");
        var replies = await Task.WhenAll(Enumerable.Range(0, 12).Select(_ => narrow.ChatAsync(Clips.Chat("\"max_tokens\":64"))));
        var refused = replies.First(reply => reply.Status != 200);
        Assert.Equal((503, "engine_overloaded"), (refused.Status, refused.Code));
        Assert.Equal("5", refused.Headers["Retry-After"]);
        Assert.Contains(replies, reply => reply.Status == 200);
    }

    [Fact]
    public async Task A_client_that_leaves_frees_the_engine()
    {
        const string Long = "\"max_tokens\":1500,\"temperature\":1,\"seed\":5,\"stop\":\"@never@\",\"stream\":true";
        for (var i = 0; i < 5; i++)
        {
            using var gone = new CancellationTokenSource();
            using var request = new HttpRequestMessage(HttpMethod.Post, "/v1/chat/completions") { Content = new StringContent(Clips.Chat(Long), null, "application/json") };
            using var response = await _server.Http.SendAsync(request, HttpCompletionOption.ResponseHeadersRead, gone.Token);
            await using var stream = await response.Content.ReadAsStreamAsync(gone.Token);
            Assert.True(await stream.ReadAsync(new byte[16], gone.Token) > 0);
            await gone.CancelAsync();
        }

        Assert.Equal(200, (await _server.ChatAsync(Clips.Chat())).Status);
        Assert.Equal(0, _server.Engine.Engine.Waiting);
    }

    [Fact]
    public async Task Requests_while_the_model_loads_are_told_so()
    {
        await using var app = Server.Composition.LlamaVidApp.Build("--Model:Path", "x", "--urls", "http://127.0.0.1:0", "--Serilog:MinimumLevel:Default", "Fatal");
        // Not started: the engine has not begun to load.
        var host = (Hosting.EngineHost)app.Services.GetService(typeof(Hosting.EngineHost))!;
        Assert.Throws<Engine.EngineLoadingException>(() => host.Engine.Submit(new() { Id = "1", Turns = [] }));
    }

    [Fact]
    public async Task The_examples_of_the_documentation_are_answered()
    {
        foreach (var (name, json) in ChatExamples.All)
            Assert.True((await _server.ChatAsync(json)).Status == 200, name);
        foreach (var (name, json) in Features.Ask.AskFields.Examples)
            Assert.True((await _server.PostAsync("/v1/ask", new StringContent(json, null, "application/json"))).Status == 200, name);
    }
}
