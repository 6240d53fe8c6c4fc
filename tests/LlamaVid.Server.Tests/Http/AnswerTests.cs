using System.Text;
using System.Text.Json;
using LlamaVid.Server.Requests;

namespace LlamaVid.Server.Tests.Http;

/// <summary>What a client gets for a request that is right.</summary>
[Collection(nameof(DefaultServer))]
public sealed class AnswerTests(DefaultServer fixture)
{
    private readonly RunningServer _server = fixture.Server;

    /// <summary>Decoded once; the framework rents a table of up to twice its size for the tokens of so long a body. A string would be eight thirds of it more.</summary>
    [Fact]
    public void A_video_in_a_body_is_not_copied_into_strings()
    {
        const int Size = 8 << 20;
        var body = Encoding.UTF8.GetBytes(Clips.Chat(url: $"data:video/mp4;base64,{Convert.ToBase64String(new byte[Size])}"));
        var before = GC.GetAllocatedBytesForCurrentThread();

        RequestReader.Read(body, RequestReader.ChatFields, new(new(8, 3, 2, 0, new(() => null)), RequestFiles.None));

        Assert.InRange(GC.GetAllocatedBytesForCurrentThread() - before, Size, 4 * Size);
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public async Task Bodies_of_any_length_and_framing_are_read(bool chunked)
    {
        foreach (var padding in (int[])[0, 65_000, 300_000, 5_000_000])
        {
            var bytes = Encoding.UTF8.GetBytes("\uFEFF" + """{"messages":[{"role":"user","content":"Hi"}],"max_tokens":1}""" + new string(' ', padding));
            using var content = new StreamContent(new MemoryStream(bytes)) { Headers = { ContentType = new("application/json") } };
            using var request = new HttpRequestMessage(HttpMethod.Post, "/v1/chat/completions") { Content = content, Headers = { TransferEncodingChunked = chunked } };
            using var response = await _server.Http.SendAsync(request, TestContext.Current.CancellationToken);
            Assert.Equal(200, (int)response.StatusCode);
        }
    }

    [Fact]
    public async Task A_video_is_answered_in_openais_shape_and_says_what_was_seen()
    {
        var reply = await _server.ChatAsync(Clips.Chat());

        Assert.Equal(200, reply.Status);
        var json = reply.Json;
        Assert.Equal("chat.completion", json.GetProperty("object").GetString());
        Assert.StartsWith("chatcmpl-", json.GetProperty("id").GetString(), StringComparison.Ordinal);
        Assert.Equal("default", json.GetProperty("model").GetString());
        var choice = json.GetProperty("choices")[0];
        Assert.Equal("assistant", choice.GetProperty("message").GetProperty("role").GetString());
        Assert.Equal("length", choice.GetProperty("finish_reason").GetString());
        var usage = json.GetProperty("usage");
        Assert.Equal(8, usage.GetProperty("completion_tokens").GetInt32());
        Assert.Equal(4, usage.GetProperty("prompt_tokens_details").GetProperty("video_tokens").GetInt32());
        Assert.Equal(usage.GetProperty("prompt_tokens").GetInt32() + 8, usage.GetProperty("total_tokens").GetInt32());
        var video = json.GetProperty("video");
        Assert.Equal((2, 2), (video.GetProperty("frames").GetInt32(), video.GetProperty("tokens_per_frame").GetInt32()));
        Assert.Equal([0.0, 1.0], video.GetProperty("timestamps").EnumerateArray().Select(time => time.GetDouble()));
        Assert.True(json.GetProperty("timings").GetProperty("time_to_first_token_ms").GetDouble() > 0);
        Assert.Equal("8", reply.Headers["x-generated-tokens"]);
        Assert.Equal(usage.GetProperty("prompt_tokens").ToString(), reply.Headers["x-prompt-tokens"]);
        Assert.StartsWith("req_", reply.Headers["x-request-id"], StringComparison.Ordinal);
        Assert.False(json.TryGetProperty("prompt_token_ids", out _) || json.TryGetProperty("media", out _) || json.TryGetProperty("answer", out _));
    }

    [Fact]
    public async Task Key_frames_are_others_and_no_answer_about_them_comes_from_features_of_the_rest()
    {
        Assert.Equal(200, (await _server.ChatAsync(Clips.Chat())).Status);

        var video = (await _server.ChatAsync(Clips.Chat("\"max_tokens\":4,\"keyframes\":true"))).Json.GetProperty("video");
        Assert.Equal([0.0], video.GetProperty("timestamps").EnumerateArray().Select(time => time.GetDouble()));
        Assert.Equal("miss", video.GetProperty("feature_cache").GetString());
    }

    [Fact]
    public async Task Frames_that_come_one_by_one_are_as_many_a_second_as_the_request_says()
    {
        var frame = await Clips.PictureAsync();
        var frames = string.Join(',', Enumerable.Repeat($"\"data:image/png;base64,{Convert.ToBase64String(frame)}\"", 6));
        var reply = await _server.ChatAsync(
            $$$"""{"messages":[{"role":"user","content":[{"type":"video","video":[{{{frames}}}],"fps":2.0},{"type":"text","text":"What?"}]}],"max_tokens":1,"end":2}""");
        Assert.True(reply.Status == 200, reply.Text);
        Assert.Equal([0, 0.5, 1, 1.5], reply.Json.GetProperty("video").GetProperty("timestamps").EnumerateArray().Select(time => time.GetDouble()));
    }

    [Fact]
    public async Task Text_only_is_answered_without_a_video_object()
    {
        var reply = await _server.ChatAsync("""{"messages":[{"role":"system","content":"Be brief."},{"role":"user","content":"Say hello."}],"max_tokens":4,"seed":1}""");
        Assert.Equal(200, reply.Status);
        Assert.False(reply.Json.TryGetProperty("video", out _));
    }

    [Fact]
    public async Task Several_media_are_listed()
    {
        var part = $$$"""{"type":"video_url","video_url":"{{{Clips.DataUri}}}","fps":2}""";
        var reply = await _server.ChatAsync(
            $$"""{"messages":[{"role":"user","content":[{{part}},{{part}},{"type":"text","text":"Same?"}]}],"max_tokens":2,"temperature":0,"return_token_ids":true}""");

        Assert.Equal(200, reply.Status);
        Assert.Equal([4, 4], reply.Json.GetProperty("media").EnumerateArray().Select(media => media.GetProperty("frames").GetInt32()));
        Assert.Equal(2, reply.Json.GetProperty("prompt_token_ids").EnumerateArray().Count(id => id.GetInt32() == -200));
        Assert.Equal(2, reply.Json.GetProperty("choices")[0].GetProperty("token_ids").GetArrayLength());
    }

    [Fact]
    public async Task A_stream_says_the_same_as_the_whole_answer()
    {
        await _server.ChatAsync(Clips.Chat("\"max_tokens\":24,\"temperature\":0"));                 // so that both find the same in the caches
        var whole = await _server.ChatAsync(Clips.Chat("\"max_tokens\":24,\"temperature\":0"));
        var stream = await _server.ChatAsync(Clips.Chat("\"max_tokens\":24,\"temperature\":0,\"stream\":true,\"stream_options\":{\"include_usage\":true}"));

        Assert.Equal((200, "text/event-stream; charset=utf-8"), (stream.Status, stream.ContentType));
        Assert.Equal(("no-cache", "no"), (stream.Headers["Cache-Control"], stream.Headers["X-Accel-Buffering"]));
        var events = stream.Text.Split("\n\n", StringSplitOptions.RemoveEmptyEntries);
        Assert.Equal("data: [DONE]", events[^1]);
        var chunks = events[..^1].Select(text => JsonElement.Parse(text["data: ".Length..])).ToArray();
        var deltas = chunks[..^1].Select(chunk => chunk.GetProperty("choices")[0].GetProperty("delta")).ToArray();
        Assert.Equal("assistant", deltas[0].GetProperty("role").GetString());
        Assert.Equal(whole.Answer, string.Concat(deltas.Select(delta => delta.TryGetProperty("content", out var content) ? content.GetString() : "")));
        Assert.Equal(whole.Json.GetProperty("usage").ToString(), chunks[^1].GetProperty("usage").ToString());
    }

    [Fact]
    public async Task Several_answers_are_drawn_each_for_itself_and_tell_how_likely_their_tokens_were()
    {
        const string fields = "\"max_tokens\":6,\"n\":3,\"temperature\":1,\"seed\":4,\"logprobs\":true,\"top_logprobs\":2,\"return_token_ids\":true";
        var reply = await _server.ChatAsync(Clips.Chat(fields));

        Assert.Equal(200, reply.Status);
        var choices = reply.Json.GetProperty("choices").EnumerateArray().ToArray();
        Assert.Equal([0, 1, 2], choices.Select(choice => choice.GetProperty("index").GetInt32()));
        Assert.Equal(choices.Sum(choice => choice.GetProperty("token_ids").GetArrayLength()), reply.Json.GetProperty("usage").GetProperty("completion_tokens").GetInt32());
        Assert.All(choices, choice =>
        {
            var told = choice.GetProperty("logprobs").GetProperty("content").EnumerateArray().ToArray();
            Assert.Equal(choice.GetProperty("token_ids").GetArrayLength(), told.Length);
            Assert.All(told, token =>
            {
                var top = token.GetProperty("top_logprobs").EnumerateArray().Select(each => each.GetProperty("logprob").GetDouble()).ToArray();
                Assert.Equal(2, top.Length);
                Assert.True(top[0] >= top[1] && top[0] >= token.GetProperty("logprob").GetDouble());
            });
        });
        var again = await _server.ChatAsync(Clips.Chat(fields));
        Assert.Equal(choices.Select(choice => choice.GetProperty("token_ids").ToString()), again.Json.GetProperty("choices").EnumerateArray().Select(choice => choice.GetProperty("token_ids").ToString()));
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public async Task An_answer_with_a_schema_is_valid_json_whole_and_streamed(bool stream)
    {
        var reply = await _server.ChatAsync(Clips.Chat($$$$"""
            "max_tokens":200,"temperature":1,"seed":3,"stream":{{{{(stream ? "true" : "false")}}}},"response_format":{"type":"json_schema","json_schema":{"name":"clip","strict":true,"schema":
            {"type":"object","properties":{"colour":{"enum":["red","blue"]},"moves":{"type":"boolean"}},"required":["colour","moves"],"additionalProperties":false}}}
            """));

        Assert.Equal(200, reply.Status);
        var text = !stream ? reply.Answer : string.Concat(reply.Text.Split("\n\n", StringSplitOptions.RemoveEmptyEntries)[..^1]
            .Select(text => JsonElement.Parse(text["data: ".Length..]).GetProperty("choices")[0].GetProperty("delta"))
            .Select(delta => delta.TryGetProperty("content", out var content) ? content.GetString() : ""));
        var answer = JsonElement.Parse(text);
        Assert.Contains(answer.GetProperty("colour").GetString(), (string[])["red", "blue"]);
        Assert.Equal(2, answer.EnumerateObject().Count());
        Assert.Contains("\"finish_reason\":\"stop\"", reply.Text, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_film_shows_its_subtitles_and_a_clip_refuses_them()
    {
        var parts = $$$$"""
            {"messages":[{"role":"user","content":[{"type":"video_url","video_url":"{{{{Clips.DataUri}}}}"},
              {"type":"subtitles","subtitles":{"format":"srt","data":"1\n00:00:00,200 --> 00:00:00,900\nHello there\n"}},{"type":"text","text":"Who speaks?"}]}],"max_tokens":4
            """;
        var film = await _server.ChatAsync($"{parts},\"prompt_style\":\"movie\"}}");
        Assert.Equal((200, 1), (film.Status, film.Json.GetProperty("video").GetProperty("captioned_frames").GetInt32()));
        var clip = await _server.ChatAsync($"{parts}}}");
        Assert.Equal((400, "unsupported_parameter", "prompt_style"), (clip.Status, clip.Code, clip.Error.GetProperty("param").GetString()));
    }

    [Theory]
    [InlineData("\"stop_token_ids\":[700000]", "stop_token_ids")]
    [InlineData("\"logit_bias\":{\"700000\":1}", "logit_bias")]
    public async Task A_token_that_the_model_does_not_have_is_refused(string field, string param)
    {
        var reply = await _server.ChatAsync(Clips.Chat(field));
        Assert.Equal((400, "invalid_value", param), (reply.Status, reply.Code, reply.Error.GetProperty("param").GetString()));
    }

    [Fact]
    public async Task More_answers_than_keys_and_values_have_room_for_are_refused()
    {
        var reply = await _server.ChatAsync(Clips.Chat($"\"n\":8,\"max_tokens\":{_server.Engine.Engine.Card!.ContextLength - 300}"));
        Assert.Equal((400, "context_length_exceeded", "n"), (reply.Status, reply.Code, reply.Error.GetProperty("param").GetString()));
    }

    [Fact]
    public async Task A_form_with_a_file_is_answered_like_the_chat()
    {
        var chat = await _server.ChatAsync(Clips.Chat());
        var form = await _server.PostAsync("/v1/ask", Clips.Form(Clips.Bytes, ("question", "What happens in the video?"), ("max_tokens", "8"), ("temperature", "0"), ("fps", ""), ("stop", "")));
        var json = await _server.PostAsync("/v1/ask", new StringContent(
            $$"""{"question":"What happens in the video?","video_url":"{{Clips.DataUri}}","max_tokens":8,"temperature":0}""", null, "application/json"));

        Assert.Equal((200, 200), (form.Status, json.Status));
        Assert.Equal(chat.Answer, form.Json.GetProperty("answer").GetString());
        Assert.Equal(chat.Answer, json.Json.GetProperty("answer").GetString());
        Assert.Equal(chat.Answer, form.Answer);
    }

    [Fact]
    public async Task A_clients_request_id_is_kept_when_it_is_harmless()
    {
        using var request = new HttpRequestMessage(HttpMethod.Get, "/version") { Headers = { { "x-request-id", "my-1" } } };
        using var response = await _server.Http.SendAsync(request, TestContext.Current.CancellationToken);
        Assert.Equal("my-1", response.Headers.GetValues("x-request-id").Single());
    }

    [Fact]
    public async Task The_model_is_listed_with_what_it_takes()
    {
        var model = (await _server.GetAsync("/v1/models")).Json.GetProperty("data")[0];
        Assert.Equal(_server.Engine.Engine.Card!.LoadedAt.ToUnixTimeSeconds(), model.GetProperty("created").GetInt64());
        Assert.Equal("default", model.GetProperty("id").GetString());
        Assert.Equal(["text", "image", "video"], model.GetProperty("input_modalities").EnumerateArray().Select(value => value.GetString()));
        Assert.Equal(("float32", 2), (model.GetProperty("dtype").GetString(), model.GetProperty("tokens_per_frame").GetInt32()));
        Assert.Equal(200, (await _server.GetAsync("/v1/models/default")).Status);
    }

    [Theory]
    [InlineData("/health", "ready")]
    [InlineData("/health/ready", "ready")]
    [InlineData("/health/live", "live")]
    public async Task Health(string path, string status) => Assert.Equal(status, (await _server.GetAsync(path)).Json.GetProperty("status").GetString());

    [Fact]
    public async Task Many_at_once_get_what_each_gets_alone()
    {
        var alone = (await _server.ChatAsync(Clips.Chat())).Answer;
        var together = await Task.WhenAll(Enumerable.Range(0, 12).Select(_ => _server.ChatAsync(Clips.Chat())));
        Assert.All(together, reply => Assert.Equal(alone, reply.Answer));
    }
}
