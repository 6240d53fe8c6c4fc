using System.Text;
using LlamaVid.Server.Tests.Telemetry;
using LlamaVid.Tests;

namespace LlamaVid.Server.Tests.Http;

/// <summary>A video that the server has seen costs no process: not for looking into it, and not for its frames while they are the same.</summary>
public sealed class KnownMediaTests : IAsyncLifetime
{
    private CountedTools _tools = null!;
    private RunningServer _server = null!;

    public async ValueTask InitializeAsync()
    {
        _tools = await CountedTools.MakeAsync(Clips.RunAsync);
        _server = await RunningServer.StartAsync("--Media:FfmpegPath", _tools.Folder);
    }

    [Fact]
    public async Task A_second_question_starts_no_process_however_the_video_comes()
    {
        var first = await _server.ChatAsync(Clips.Chat());
        Assert.Equal((200, 2, 1), (first.Status, _tools.Probes, _tools.Decoders));

        var again = await _server.ChatAsync(Clips.Chat());
        var file = await _server.PostAsync("/v1/files", new MultipartFormDataContent { { new StringContent("vision"), "purpose" }, { new ByteArrayContent(Clips.Bytes), "file", "a.mp4" } });
        var byId = await _server.ChatAsync($$$"""
            {"messages":[{"role":"user","content":[{"type":"file","file":{"file_id":"{{{file.Json.GetProperty("id").GetString()}}}"}},{"type":"text","text":"What happens in the video?"}]}],"max_tokens":8,"temperature":0}
            """);
        var form = await _server.PostAsync("/v1/ask", Clips.Form(Clips.Bytes, ("question", "What happens in the video?"), ("max_tokens", "8"), ("temperature", "0")));
        var estimate = await _server.PostAsync("/v1/estimate", new StringContent(Clips.Chat(), null, "application/json"));
        var other = await _server.ChatAsync(Clips.Chat().Replace("What happens", "Who is seen", StringComparison.Ordinal));

        Assert.All(new[] { again, byId, form }, reply => Assert.Equal((200, first.Answer), (reply.Status, reply.Answer)));
        Assert.All(new[] { again, byId, form, other }, reply => Assert.Equal(Seen(first), Seen(reply)));
        Assert.Equal((200, 200), (estimate.Status, other.Status));
        Assert.Equal((2, 1), (_tools.Probes, _tools.Decoders));
        var metrics = await Scrape.OfAsync(_server);
        Assert.Equal((6, 5), (metrics["llamavid_media_cache_queries_total"], metrics["llamavid_media_cache_hits_total"]));
        Assert.InRange(metrics["llamavid_media_cache_bytes"], 1, 64 << 20);
    }

    [Fact]
    public async Task Other_frames_of_a_known_video_are_decoded_by_their_own_plan()
    {
        await _server.ChatAsync(Clips.Chat());
        var two = await _server.ChatAsync(Clips.Chat("\"max_tokens\":4,\"fps\":4,\"max_frames\":2"));
        var late = await _server.ChatAsync(Clips.Chat("\"max_tokens\":4,\"start\":1"));
        var never = await _server.ChatAsync(Clips.Chat("\"max_tokens\":4,\"start\":60"));
        Assert.Equal(["0", "1.5"], Timestamps(two));
        Assert.Equal(["1"], Timestamps(late));
        Assert.Equal((422, "video_unreadable"), (never.Status, never.Code));
        Assert.Equal((2, 3), (_tools.Probes, _tools.Decoders));
    }

    [Fact]
    public async Task What_is_refused_is_refused_again_in_the_same_way()
    {
        var cut = Clips.Bytes[..200];
        foreach (var bytes in (byte[][])[cut, Encoding.UTF8.GetBytes("not a video"), [.. "#EXTM3U\n/etc/passwd\n"u8], [0, 0, 0, 24, .. "ftypisom"u8, .. new byte[500]]])
        {
            var chat = Clips.Chat(url: $"data:video/mp4;base64,{Convert.ToBase64String(bytes)}");
            var (once, twice) = (await _server.ChatAsync(chat), await _server.ChatAsync(chat));
            Assert.InRange(once.Status, 415, 422);
            Assert.Equal((once.Status, once.Code, once.Error.GetProperty("message").GetString()), (twice.Status, twice.Code, twice.Error.GetProperty("message").GetString()));
        }
        Assert.Equal(0, (await Scrape.OfAsync(_server))["llamavid_media_cache_hits_total"]);
        Assert.Equal(200, (await _server.ChatAsync(Clips.Chat())).Status);
    }

    [Fact]
    public async Task Of_questions_asked_at_once_about_a_new_video_one_looks_into_it()
    {
        var replies = await Task.WhenAll(Enumerable.Range(0, 6).Select(_ => _server.ChatAsync(Clips.Chat())));
        Assert.All(replies, reply => Assert.Equal((200, replies[0].Answer), (reply.Status, reply.Answer)));
        Assert.Equal((2, 1), (_tools.Probes, _tools.Decoders));
    }

    public async ValueTask DisposeAsync()
    {
        await _server.DisposeAsync();
        _tools.Dispose();
    }

    private static string Seen(Reply reply) => $"{string.Join(' ', Timestamps(reply))} {reply.Json.GetProperty("video").GetProperty("duration")} {reply.Json.GetProperty("video").GetProperty("fps")}";

    private static IEnumerable<string> Timestamps(Reply reply) => reply.Json.GetProperty("video").GetProperty("timestamps").EnumerateArray().Select(time => time.ToString());
}
