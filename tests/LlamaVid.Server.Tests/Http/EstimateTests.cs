namespace LlamaVid.Server.Tests.Http;

/// <summary>What a request would need is what it then needs.</summary>
[Collection(nameof(DefaultServer))]
public sealed class EstimateTests(DefaultServer fixture)
{
    private readonly RunningServer _server = fixture.Server;

    [Theory]
    [InlineData("\"max_tokens\":8")]
    [InlineData("\"max_tokens\":8,\"n\":2,\"fps\":4")]
    [InlineData("\"max_tokens\":8,\"prompt_style\":\"movie\"")]
    public async Task An_estimate_is_what_the_answer_then_says(string fields)
    {
        var estimate = await EstimateAsync(Clips.Chat(fields));
        var answer = await _server.ChatAsync(Clips.Chat(fields));

        Assert.Equal((200, 200), (estimate.Status, answer.Status));
        var json = estimate.Json;
        Assert.True(json.GetProperty("fits").GetBoolean());
        Assert.Equal("Null", json.GetProperty("refusal").ValueKind.ToString());
        Assert.Equal(answer.Json.GetProperty("usage").GetProperty("prompt_tokens").GetInt32(), json.GetProperty("prompt_tokens").GetInt32());
        Assert.Equal(answer.Json.GetProperty("usage").GetProperty("prompt_tokens_details").GetProperty("video_tokens").GetInt32(), json.GetProperty("video_tokens").GetInt32());
        Assert.Equal(answer.Json.GetProperty("video").GetProperty("frames").GetInt32(), json.GetProperty("frames").GetInt32());
        Assert.Equal(8, json.GetProperty("max_tokens").GetInt32());
        var positions = json.GetProperty("n").GetInt32() * (json.GetProperty("prompt_tokens").GetInt32() + 8);
        Assert.Equal((true, 0), (json.GetProperty("kv_bytes").GetInt64() > 0, json.GetProperty("kv_bytes").GetInt64() % positions));
    }

    [Fact]
    public async Task Text_needs_no_frames()
    {
        var json = (await EstimateAsync("""{"messages":[{"role":"user","content":"Hi"}]}""")).Json;
        Assert.Equal((0, true), (json.GetProperty("frames").GetInt32(), json.GetProperty("fits").GetBoolean()));
        Assert.Equal(512, json.GetProperty("max_tokens").GetInt32());
    }

    [Fact]
    public async Task What_does_not_fit_is_told_with_its_numbers()
    {
        var json = (await EstimateAsync(Clips.Chat("\"max_tokens\":900000"))).Json;
        Assert.False(json.GetProperty("fits").GetBoolean());
        Assert.Equal((400, "context_length_exceeded"), (json.GetProperty("refusal").GetProperty("status").GetInt32(), json.GetProperty("refusal").GetProperty("error").GetProperty("code").GetString()));
        Assert.True(json.GetProperty("prompt_tokens").ValueKind == System.Text.Json.JsonValueKind.Null || json.GetProperty("prompt_tokens").GetInt32() > 0);
    }

    [Fact]
    public async Task A_text_that_no_context_holds_is_told_without_being_read()
    {
        var json = (await EstimateAsync($$"""{"messages":[{"role":"user","content":"{{new string('a', 3_000_000)}}"}]}""")).Json;
        Assert.False(json.GetProperty("fits").GetBoolean());
        Assert.Equal("context_length_exceeded", json.GetProperty("refusal").GetProperty("error").GetProperty("code").GetString());
    }

    [Theory]
    [InlineData("\"content\":\"LONG\"}],\"n\":3")]
    [InlineData("\"content\":[{\"type\":\"text\",\"text\":\"LONG\"},{\"type\":\"text\",\"text\":\"LONG\"}]}],\"n\":3")]
    public async Task What_stands_behind_a_text_that_is_left_out_counts(string rest)
    {
        var json = (await EstimateAsync("""{"messages":[{"role":"user",""" + rest.Replace("LONG", new string('a', 3_000_000), StringComparison.Ordinal) + "}")).Json;
        Assert.Equal((false, 3), (json.GetProperty("fits").GetBoolean(), json.GetProperty("n").GetInt32()));
    }

    [Theory]
    [InlineData("\"n\":-1", 400, "n")]
    [InlineData("\"temprature\":1", 400, "temprature")]
    [InlineData("\"model\":\"another\"", 404, "model")]
    public async Task A_fault_behind_a_text_that_is_left_out_is_refused(string field, int status, string path)
    {
        var reply = await EstimateAsync($$"""{"messages":[{"role":"user","content":"{{new string('a', 3_000_000)}}"}],{{field}}}""");
        Assert.Equal((status, path), (reply.Status, reply.Error.GetProperty("param").GetString()));
    }

    [Fact]
    public async Task Media_that_cannot_be_opened_are_told_as_the_answer_would()
    {
        var json = (await EstimateAsync(Clips.Chat(url: "data:video/mp4;base64,AAAA"))).Json;
        Assert.Equal(415, json.GetProperty("refusal").GetProperty("status").GetInt32());
        Assert.Equal("messages[0].content[0].video_url.url", json.GetProperty("refusal").GetProperty("error").GetProperty("param").GetString());
    }

    [Fact]
    public async Task A_body_that_is_wrong_is_refused()
    {
        var reply = await EstimateAsync("""{"messages":[]}""");
        Assert.Equal((400, "messages"), (reply.Status, reply.Error.GetProperty("param").GetString()));
    }

    private Task<Reply> EstimateAsync(string json) => _server.PostAsync("/v1/estimate", new StringContent(json, null, "application/json"));
}
