using System.Net.Http.Headers;
using System.Net.Sockets;
using System.Text;

namespace LlamaVid.Server.Tests.Http;

/// <summary>Upload once, ask many times.</summary>
public sealed class FilesTests(FilesTests.Small fixture) : IClassFixture<FilesTests.Small>
{
    private readonly RunningServer _server = fixture.Server;

    [Fact]
    public async Task A_file_is_uploaded_listed_downloaded_and_deleted_in_openais_shapes()
    {
        var before = DateTimeOffset.FromUnixTimeSeconds(TimeProvider.System.GetUtcNow().ToUnixTimeSeconds());
        var file = (await UploadAsync(Clips.Bytes, ("expires_after[anchor]", "created_at"), ("expires_after[seconds]", "3600"))).Json;
        var id = file.GetProperty("id").GetString()!;

        Assert.Equal(["id", "bytes", "created_at", "expires_at", "filename", "purpose", "object", "status"], file.EnumerateObject().Select(field => field.Name));
        Assert.Equal(("file", "vision", "processed", "../../clip one.mp4", Clips.Bytes.Length), (file.GetProperty("object").GetString(), file.GetProperty("purpose").GetString(),
            file.GetProperty("status").GetString(), file.GetProperty("filename").GetString(), file.GetProperty("bytes").GetInt32()));
        Assert.Equal(file.GetProperty("created_at").GetInt64() + 3600, file.GetProperty("expires_at").GetInt64());
        Assert.True(file.GetProperty("created_at").GetInt64() >= before.ToUnixTimeSeconds());

        Assert.Equal(file.ToString(), (await _server.GetAsync($"/v1/files/{id}")).Text);
        Assert.Contains(file.ToString(), (await _server.GetAsync("/v1/files?purpose=vision&limit=1&order=desc")).Text, StringComparison.Ordinal);

        using (var content = await _server.Http.GetAsync($"/v1/files/{id}/content", TestContext.Current.CancellationToken))
        {
            Assert.Equal(Clips.Bytes, await content.Content.ReadAsByteArrayAsync(TestContext.Current.CancellationToken));
            Assert.Equal(("video/mp4", "attachment", "nosniff"), (content.Content.Headers.ContentType?.MediaType, content.Content.Headers.ContentDisposition?.DispositionType,
                content.Headers.GetValues("X-Content-Type-Options").Single()));
        }
        var deleted = await DeleteAsync(id);
        Assert.Equal((200, $$"""{"id":"{{id}}","object":"file","deleted":true}"""), (deleted.Status, deleted.Text));
        Assert.All(new[] { await _server.GetAsync($"/v1/files/{id}"), await _server.GetAsync($"/v1/files/{id}/content"), await DeleteAsync(id) },
            gone => Assert.Equal((404, "file_not_found"), (gone.Status, gone.Code)));
    }

    [Fact]
    public async Task Part_of_a_file_can_be_downloaded()
    {
        var id = await IdOfAsync(Clips.Bytes);
        using var request = new HttpRequestMessage(HttpMethod.Get, $"/v1/files/{id}/content") { Headers = { Range = new RangeHeaderValue(10, 19) } };
        using var response = await _server.Http.SendAsync(request, TestContext.Current.CancellationToken);
        Assert.Equal(206, (int)response.StatusCode);
        Assert.Equal(Clips.Bytes[10..20], await response.Content.ReadAsByteArrayAsync(TestContext.Current.CancellationToken));
    }

    [Fact]
    public async Task A_part_that_a_file_does_not_have_is_refused()
    {
        using var request = new HttpRequestMessage(HttpMethod.Get, $"/v1/files/{await IdOfAsync(Clips.Bytes)}/content") { Headers = { Range = new RangeHeaderValue(1 << 30, null) } };
        using var response = await _server.Http.SendAsync(request, TestContext.Current.CancellationToken);
        var reply = await Reply.OfAsync(response);
        Assert.Equal((416, "range_not_satisfiable"), (reply.Status, reply.Code));
        Assert.Contains("bytes=1073741824-", reply.Error.GetProperty("message").GetString(), StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("""{"type":"file","file":{"file_id":"@"}}""")]
    [InlineData("""{"type":"input_video","input_video":{"file_id":"@"}}""")]
    public async Task A_file_is_asked_about_as_if_it_were_in_the_request(string part)
    {
        var inline = await _server.ChatAsync(Clips.Chat());
        var reply = await _server.ChatAsync(Chat(part, await IdOfAsync(Clips.Bytes)));
        Assert.Equal((200, inline.Answer), (reply.Status, reply.Answer));
        Assert.Equal("hit", reply.Json.GetProperty("video").GetProperty("feature_cache").GetString());
    }

    [Fact]
    public async Task A_plain_question_names_a_file_too()
    {
        var id = await IdOfAsync(Clips.Bytes);
        var json = await _server.PostAsync("/v1/ask", new StringContent($$"""{"question":"What?","file_id":"{{id}}","max_tokens":4}""", null, "application/json"));
        var form = await _server.PostAsync("/v1/ask", new MultipartFormDataContent { { new StringContent(id), "file_id" }, { new StringContent("What?"), "question" }, { new StringContent("4"), "max_tokens" } });
        Assert.Equal((200, 200), (json.Status, form.Status));
    }

    [Fact]
    public async Task A_picture_is_known_by_its_content()
    {
        var file = (await UploadAsync(await Clips.PictureAsync())).Json;
        var reply = await _server.ChatAsync(Chat("""{"type":"file","file":{"file_id":"@"}}""", file.GetProperty("id").GetString()!));
        Assert.Equal((200, "image"), (reply.Status, reply.Json.GetProperty("video").GetProperty("kind").GetString()));
    }

    [Fact]
    public async Task A_file_that_is_deleted_while_it_is_asked_about_is_answered()
    {
        var id = await IdOfAsync(Clips.Bytes);
        var question = $$$"""{"messages":[{"role":"user","content":[{"type":"file","file":{"file_id":"{{{id}}}"},"fps":3.7},{"type":"text","text":"What?"}]}],"max_tokens":200,"stream":true,"temperature":0}""";
        using var request = new HttpRequestMessage(HttpMethod.Post, "/v1/chat/completions") { Content = new StringContent(question, null, "application/json") };
        using var response = await _server.Http.SendAsync(request, HttpCompletionOption.ResponseHeadersRead, TestContext.Current.CancellationToken);
        Assert.Equal(200, (await DeleteAsync(id)).Status);
        Assert.EndsWith("data: [DONE]\n\n", await response.Content.ReadAsStringAsync(TestContext.Current.CancellationToken), StringComparison.Ordinal);
        Assert.Equal("file_not_found", (await _server.ChatAsync(question)).Code);
    }

    [Theory]
    [InlineData("file-0")]
    [InlineData("../../etc/passwd")]
    [InlineData("' OR 1=1 --")]
    public async Task An_id_that_is_unknown_is_named_by_its_path(string id)
    {
        var reply = await _server.ChatAsync(Chat("""{"type":"file","file":{"file_id":"@"}}""", id));
        Assert.Equal((404, "file_not_found", "messages[0].content[0].file.file_id"), (reply.Status, reply.Code, reply.Error.GetProperty("param").GetString()));
        Assert.Equal(404, (await _server.GetAsync($"/v1/files/{Uri.EscapeDataString(id)}")).Status);
    }

    [Fact]
    public async Task Lines_of_a_batch_are_no_video()
    {
        var id = (await UploadAsync("{}\n"u8.ToArray(), purpose: "batch")).Json.GetProperty("id").GetString()!;
        var reply = await _server.ChatAsync(Chat("""{"type":"file","file":{"file_id":"@"}}""", id));
        Assert.Equal((400, "invalid_value"), (reply.Status, reply.Code));
    }

    [Theory]
    [InlineData("", "vision", 400, "invalid_value", "file")]
    [InlineData("hello", "vision", 415, "unsupported_media", "file")]
    [InlineData("hello", "batch", 400, "invalid_value", "file")]
    [InlineData("{}", "batch_output", 400, "invalid_value", "purpose")]
    [InlineData("{}", "world", 400, "invalid_value", "purpose")]
    public async Task Files_that_are_not_taken(string content, string purpose, int status, string code, string? param)
    {
        var reply = await UploadAsync(Encoding.UTF8.GetBytes(content), purpose);
        Assert.Equal((status, code, param), (reply.Status, reply.Code, reply.Error.GetProperty("param").GetString()));
    }

    [Theory]
    [InlineData("expires_after[seconds]", "3600", "expires_after.anchor", "missing_required_parameter")]
    [InlineData("expires_after[seconds]", "-1", "expires_after.seconds", "invalid_value")]
    [InlineData("expires_after[anchor]", "never", "expires_after.anchor", "invalid_value")]
    [InlineData("expires_after", "soon", "expires_after", "invalid_value")]
    [InlineData("expires_after", "{\"anchor\":\"created_at\",\"seconds\":1e99}", "expires_after.seconds", "invalid_value")]
    [InlineData("expires_after", "{\"anchor\":\"created_at\",\"seconds\":3600}", "expires_after[seconds]", "invalid_value", "expires_after[seconds]", "7200")]
    [InlineData("colour", "red", "colour", "unknown_parameter")]
    [InlineData("file", "text", "file", "invalid_value")]
    public async Task Fields_that_are_wrong(string name, string value, string param, string code, params string[] beside)
    {
        var reply = await UploadAsync(Clips.Bytes, beside is [var other, var also] ? [(name, value), (other, also)] : [(name, value)]);
        Assert.Equal((400, param, code), (reply.Status, reply.Error.GetProperty("param").GetString(), reply.Code));
    }

    [Theory]
    [InlineData("application/json", "{}", 415)]
    [InlineData("multipart/form-data", "x", 400)]
    [InlineData("multipart/form-data; boundary=b", "--b--\r\n", 400)]
    [InlineData("multipart/form-data; boundary=b", "--b\r\nContent-Disposition: form-data; name=purpose\r\n\r\nvision\r\n--b--\r\n", 400)]
    [InlineData("multipart/form-data; boundary=b", "--b\r\nContent-Disposition: form-data; name=file; filename=a\r\n\r\nxxxx", 400)]
    [InlineData("multipart/form-data; boundary=b", "--b\r\nContent-Disposition: form-data; name=other; filename=a\r\n\r\nx\r\n--b--\r\n", 400)]
    public async Task Bodies_that_are_broken(string type, string body, int status)
    {
        var content = new ByteArrayContent(Encoding.UTF8.GetBytes(body));
        content.Headers.TryAddWithoutValidation("Content-Type", type);
        Assert.Equal(status, (await _server.PostAsync("/v1/files", content)).Status);
    }

    [Theory]
    [InlineData("limit=0", "limit")]
    [InlineData("limit=-5", "limit")]
    [InlineData("limit=99999999999", "limit")]
    [InlineData("limit=many", "limit")]
    [InlineData("order=random", "order")]
    [InlineData("purpose=world", "purpose")]
    [InlineData("after=yesterday", "after")]
    public async Task Queries_that_are_wrong(string query, string param)
    {
        var reply = await _server.GetAsync($"/v1/files?{query}");
        Assert.Equal((400, param), (reply.Status, reply.Error.GetProperty("param").GetString()));
    }

    [Fact]
    public async Task Pages_follow_each_other()
    {
        string[] ids = [await IdOfAsync(Clips.Bytes), await IdOfAsync(Clips.Bytes), await IdOfAsync(Clips.Bytes)];
        var first = (await _server.GetAsync("/v1/files?limit=2")).Json;
        Assert.True(first.GetProperty("has_more").GetBoolean());
        Assert.Equal([ids[2], ids[1]], first.GetProperty("data").EnumerateArray().Select(file => file.GetProperty("id").GetString()).Order(StringComparer.Ordinal).Reverse());
        var next = (await _server.GetAsync($"/v1/files?limit=1&after={first.GetProperty("last_id").GetString()}")).Json;
        Assert.Equal(ids[0], next.GetProperty("data")[0].GetProperty("id").GetString());
    }

    [Fact]
    public async Task More_bytes_than_one_file_may_have_or_than_there_is_room_for_are_refused_and_leave_nothing()
    {
        var before = Stored();
        var large = await UploadAsync(Padded(700_000));
        Assert.Equal((413, "payload_too_large"), (large.Status, large.Code));

        var kept = new List<string>();
        for (byte i = 0; ; i++)
        {
            var reply = await UploadAsync(Padded(300_000, i));
            if (reply.Status == 200)
            {
                kept.Add(reply.Json.GetProperty("id").GetString()!);
                continue;
            }
            Assert.Equal((413, "file_quota_exceeded"), (reply.Status, reply.Code));
            break;
        }
        Assert.InRange(kept.Count, 1, 3);
        foreach (var id in kept) Assert.Equal(200, (await DeleteAsync(id)).Status);
        Assert.Equal(before, Stored());
    }

    [Fact]
    public async Task An_upload_that_breaks_off_leaves_nothing_and_gives_its_room_back()
    {
        var before = Stored();
        for (var i = 0; i < 8; i++)
        {
            using (var socket = new TcpClient())
            {
                await socket.ConnectAsync(_server.Address.Host, _server.Address.Port, TestContext.Current.CancellationToken);
                await using var stream = socket.GetStream();
                var head = "POST /v1/files HTTP/1.1\r\nHost: localhost\r\nContent-Type: multipart/form-data; boundary=b\r\nContent-Length: 400000\r\n\r\n--b\r\nContent-Disposition: form-data; name=file; filename=a\r\n\r\n";
                await stream.WriteAsync(Encoding.ASCII.GetBytes(head), TestContext.Current.CancellationToken);
                await stream.WriteAsync(Padded(250_000), TestContext.Current.CancellationToken);
                await Deadline.Until(() => Stored() != before);                  // it has begun to arrive
            }
            await Deadline.Until(() => Stored() == before);
        }
        var id = await IdOfAsync(Padded(300_000));
        await DeleteAsync(id);
    }

    private string Stored() => string.Join(' ', Directory.GetFiles(fixture.Folder.FullName, "*", SearchOption.AllDirectories)
        .Where(path => !Path.GetFileName(path).StartsWith("files.db", StringComparison.Ordinal)).Select(Path.GetFileName).Order());

    private static string Chat(string part, string id) =>
        $$$"""{"messages":[{"role":"user","content":[{{{part.Replace("@", id, StringComparison.Ordinal)}}},{"type":"text","text":"What happens in the video?"}]}],"max_tokens":8,"temperature":0}""";

    private static byte[] Padded(int size, byte mark = 0)
    {
        var bytes = new byte[size];
        Clips.Bytes.CopyTo(bytes, 0);
        bytes[^1] = mark;
        return bytes;
    }

    private async Task<string> IdOfAsync(byte[] bytes) => (await UploadAsync(bytes)).Json.GetProperty("id").GetString()!;

    private Task<Reply> UploadAsync(byte[] bytes, params (string Name, string Value)[] fields) => UploadAsync(bytes, "vision", fields);

    private Task<Reply> UploadAsync(byte[] bytes, string purpose, params (string Name, string Value)[] fields)
    {
        var form = new MultipartFormDataContent { { new StringContent(purpose), "purpose" }, { new ByteArrayContent(bytes), "file", "../../clip one.mp4" } };
        foreach (var (name, value) in fields.Where(field => field.Value != "")) form.Add(new StringContent(value), name);
        return _server.PostAsync("/v1/files", form);
    }

    private async Task<Reply> DeleteAsync(string id)
    {
        using var response = await _server.Http.DeleteAsync($"/v1/files/{id}", TestContext.Current.CancellationToken);
        return await Reply.OfAsync(response);
    }

    /// <summary>A server with little room.</summary>
    public sealed class Small : IAsyncLifetime
    {
        public DirectoryInfo Folder { get; } = Directory.CreateTempSubdirectory("lv");
        public RunningServer Server { get; private set; } = null!;

        public async ValueTask InitializeAsync() =>
            Server = await RunningServer.StartAsync("--Files:Path", Folder.FullName, "--Files:QuotaMegabytes", "1", "--Media:MaxBytes", "600000");

        public async ValueTask DisposeAsync()
        {
            await Server.DisposeAsync();
            Folder.Delete(recursive: true);
        }
    }
}
