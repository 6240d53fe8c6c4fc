using System.Text;
using System.Text.Json;
using System.Text.Json.Nodes;

namespace LlamaVid.Server.Tests.Http;

/// <summary>A film asked about with the subtitles in its file is the film asked about with the same subtitles beside it.</summary>
[Collection(nameof(DefaultServer))]
public sealed class SubtitleTrackTests(DefaultServer fixture) : IDisposable
{
    private const string Srt = "1\n00:00:00,200 --> 00:00:00,904\nHello there\n\n2\n00:00:01,000 --> 00:00:01,804\nWho are <i>you</i>?\n";

    private readonly RunningServer _server = fixture.Server;
    private readonly DirectoryInfo _folder = Directory.CreateTempSubdirectory("lvsub");

    [Theory]
    [InlineData("mp4", "mov_text")]
    [InlineData("mkv", "copy")]
    public async Task Its_own_subtitles_are_laid_out_like_those_that_are_sent(string extension, string codec)
    {
        var video = await MakeAsync(extension, codec, Srt);
        var sent = await _server.ChatAsync(Chat(video, new JsonObject { ["type"] = "subtitles", ["subtitles"] = new JsonObject { ["data"] = Srt } }));
        var own = await _server.ChatAsync(Chat(video, subtitles: null));
        var asked = await _server.PostAsync("/v1/ask", Clips.Form(video, ("question", "Who speaks?"), ("max_tokens", "8"), ("temperature", "0"), ("fps", "4"), ("prompt_style", "movie"), ("use_subtitles", "true")));
        var estimate = await EstimateAsync(Chat(video, subtitles: null));

        Assert.Equal((200, 200, 200, 200), (sent.Status, own.Status, asked.Status, estimate.Status));
        Assert.Equal(2, own.Json.GetProperty("video").GetProperty("captioned_frames").GetInt32());
        Assert.Equal("""{"source":"given"}""", Origin(sent.Json.GetProperty("video")));
        Assert.Equal($$"""{"source":"track","index":1,"codec":"{{(codec == "copy" ? "subrip" : codec)}}","language":"ger"}""", Origin(own.Json.GetProperty("video")));
        Assert.Equal(Origin(own.Json.GetProperty("video")), Origin(estimate.Json.GetProperty("media")[0]));
        Assert.Equal((sent.Answer, sent.Answer), (own.Answer, asked.Answer));
        Assert.Equal([Tokens(sent), Tokens(sent), Tokens(sent)], [Tokens(own), Tokens(asked), estimate.Json.GetProperty("prompt_tokens").GetInt32()]);
    }

    [Fact]
    public async Task A_film_without_any_is_refused_with_the_cure()
    {
        var reply = await _server.ChatAsync(Clips.Chat("\"max_tokens\":8,\"prompt_style\":\"movie\",\"use_subtitles\":true"));
        Assert.Equal((422, "subtitles_unavailable", "use_subtitles"), (reply.Status, reply.Code, reply.Error.GetProperty("param").GetString()));
        var estimate = await EstimateAsync(Clips.Chat("\"prompt_style\":\"movie\",\"use_subtitles\":true"));
        Assert.Equal((200, 422), (estimate.Status, estimate.Json.GetProperty("refusal").GetProperty("status").GetInt32()));
    }

    [Fact]
    public async Task A_clip_has_no_place_for_them()
    {
        var reply = await _server.ChatAsync(Clips.Chat("\"max_tokens\":8,\"use_subtitles\":true"));
        Assert.Equal((400, "unsupported_parameter", "prompt_style"), (reply.Status, reply.Code, reply.Error.GetProperty("param").GetString()));
    }

    [Fact]
    public async Task A_track_that_is_longer_than_the_context_is_refused_unread()
    {
        var video = await MakeAsync("mkv", "copy", $"1\n00:00:00,200 --> 00:00:01,000\n{string.Concat(Enumerable.Repeat(new string('x', 2000) + "\n", 1000))}\n");
        var reply = await _server.ChatAsync(Chat(video, subtitles: null));
        Assert.Equal((400, "context_length_exceeded"), (reply.Status, reply.Code));
        var estimate = await EstimateAsync(Chat(video, subtitles: null));
        Assert.Equal((false, 400), (estimate.Json.GetProperty("fits").GetBoolean(), estimate.Json.GetProperty("refusal").GetProperty("status").GetInt32()));
    }

    public void Dispose() => _folder.Delete(recursive: true);

    private static string Origin(JsonElement media) => media.GetProperty("subtitles").GetRawText();

    private static int Tokens(Reply reply) => reply.Json.GetProperty("usage").GetProperty("prompt_tokens").GetInt32();

    private Task<Reply> EstimateAsync(string json) => _server.PostAsync("/v1/estimate", new StringContent(json, null, "application/json"));

    /// <param name="subtitles">null: those of the file</param>
    private static string Chat(byte[] video, JsonNode? subtitles)
    {
        var parts = new JsonArray(
            new JsonObject { ["type"] = "video_url", ["video_url"] = $"data:video/mp4;base64,{Convert.ToBase64String(video)}" },
            new JsonObject { ["type"] = "text", ["text"] = "Who speaks?" });
        if (subtitles is not null) parts.Add(subtitles);
        return new JsonObject
        {
            ["messages"] = new JsonArray(new JsonObject { ["role"] = "user", ["content"] = parts }),
            ["max_tokens"] = 8, ["temperature"] = 0, ["fps"] = 4, ["prompt_style"] = "movie", ["use_subtitles"] = subtitles is null,
        }.ToJsonString();
    }

    private async Task<byte[]> MakeAsync(string extension, string codec, string srt)
    {
        var (text, video) = (Path.Combine(_folder.FullName, "a.srt"), Path.Combine(_folder.FullName, $"a.{extension}"));
        await File.WriteAllTextAsync(text, srt, new UTF8Encoding(false), TestContext.Current.CancellationToken);
        var (code, _, errors) = await Clips.RunAsync("ffmpeg", "-v", "error", "-nostdin", "-f", "lavfi", "-i", "testsrc=size=64x48:rate=10:duration=2", "-i", text,
            "-map", "0", "-map", "1", "-c:s", codec, "-metadata:s:s:0", "language=ger", "-y", video);
        Assert.True(code == 0, errors);
        return await File.ReadAllBytesAsync(video, TestContext.Current.CancellationToken);
    }
}
