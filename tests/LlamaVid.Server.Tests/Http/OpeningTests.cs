using System.Buffers.Binary;
using System.Text;

namespace LlamaVid.Server.Tests.Http;

/// <summary>A stream opens as soon as its request is admitted; what fails before has a status, what fails after is told in the stream.</summary>
public sealed class OpeningTests
{
    [Fact]
    public async Task A_request_that_waits_in_line_has_its_stream_and_is_told_in_it_that_it_waited_too_long()
    {
        await using var server = await RunningServer.StartAsync("--Engine:MaxRunningSequences", "4", "--Engine:QueueTimeout", "00:00:01", "--Server:KeepAlive", "00:01:00");
        using var busy = await OpenAsync(server, "\"n\":4,\"max_tokens\":1500,\"ignore_eos\":true,\"temperature\":1");
        await Deadline.Until(() => server.Engine.Engine.Waiting == 0);       // all four places are taken

        var unstreamed = server.ChatAsync("""{"messages":[{"role":"user","content":"Hi"}],"max_tokens":4}""");
        using var waiting = await OpenAsync(server, "\"max_tokens\":4");
        var text = await waiting.Content.ReadAsStringAsync(TestContext.Current.CancellationToken);
        var events = text.Split("\n\n", StringSplitOptions.RemoveEmptyEntries);
        Assert.Equal(2, events.Length);
        Assert.Contains("\"role\":\"assistant\"", events[0], StringComparison.Ordinal);
        Assert.Contains("\"queue_timeout\"", events[1], StringComparison.Ordinal);

        var whole = await unstreamed;
        Assert.Equal((408, "queue_timeout"), (whole.Status, whole.Code));
    }

    [Fact]
    public async Task A_video_that_does_not_decode_is_told_in_the_stream_and_one_that_is_none_by_the_status()
    {
        await using var server = await RunningServer.StartAsync("--Server:KeepAlive", "00:01:00");
        var damaged = Clips.Bytes;
        var content = damaged.AsSpan().IndexOf("mdat"u8) + 4;
        damaged.AsSpan(content, BinaryPrimitives.ReadInt32BigEndian(damaged.AsSpan(content - 8)) - 8).Fill(0xFF);
        var url = $"data:video/mp4;base64,{Convert.ToBase64String(damaged)}";

        var whole = await server.ChatAsync(Clips.Chat(url: url));
        Assert.Equal((422, "video_unreadable"), (whole.Status, whole.Code));
        var stream = await server.ChatAsync(Clips.Chat("\"stream\":true", url));
        Assert.Equal((200, "text/event-stream; charset=utf-8"), (stream.Status, stream.ContentType));
        Assert.Contains("\"role\":\"assistant\"", stream.Text.Split("\n\n")[0], StringComparison.Ordinal);
        Assert.Contains("data: {\"error\":", stream.Text, StringComparison.Ordinal);
        Assert.DoesNotContain("[DONE]", stream.Text, StringComparison.Ordinal);

        var none = await server.ChatAsync(Clips.Chat("\"stream\":true", $"data:video/mp4;base64,{Convert.ToBase64String(Encoding.UTF8.GetBytes("not a video"))}"));
        Assert.Equal((415, "unsupported_media"), (none.Status, none.Code));
    }

    /// <summary>Returns with the headers of the answer.</summary>
    private static async Task<HttpResponseMessage> OpenAsync(RunningServer server, string fields)
    {
        using var request = new HttpRequestMessage(HttpMethod.Post, "/v1/chat/completions")
        {
            Content = new StringContent($$$"""{"messages":[{"role":"user","content":"Hi"}],"stream":true,{{{fields}}}}""", null, "application/json"),
        };
        var response = await server.Http.SendAsync(request, HttpCompletionOption.ResponseHeadersRead, TestContext.Current.CancellationToken);
        Assert.Equal(200, (int)response.StatusCode);
        return response;
    }
}
